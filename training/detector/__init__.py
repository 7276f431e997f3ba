"""The face detector's own recipe: its photos, its training, and how well a detector finds faces."""
