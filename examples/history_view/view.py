"""The history in a browser, with Streamlit:

    pip install streamlit 'numpy>=2'         # into an environment of its own that has Mien
    streamlit run examples/history_view/view.py --server.address 127.0.0.1 -- /var/lib/mien/history.db

Without a path it takes the file that Mien would. The file is only read, also while the service writes it.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import streamlit as st
from days import day_of, totals

from edge.config import HistoryConfig
from edge.errors import SourceError
from edge.sinks.history import history_path
from edge.sinks.history.read import History


def main(file: Path) -> None:
    st.title("Mien")
    st.caption("What faces looked like to a small neural network. Not what anybody felt.")
    day = st.date_input("Day", datetime.now().astimezone().date())
    try:
        history = History(file)
    except SourceError as error:
        st.error(str(error))
        return
    try:
        hours, changes = day_of(history, day)
    except SourceError as error:
        st.error(str(error))
        return
    finally:
        history.close()
    if not hours:
        st.info("Nobody was in view on that day.")
        return
    st.subheader("Minutes in view, by hour")
    st.bar_chart(hours, x="hour", y=list(totals(hours)), y_label="face-minutes")
    st.subheader("Minutes of each")
    st.table([{"emotion": word, "minutes": minutes} for word, minutes in totals(hours).items()])
    st.subheader("Changes")
    st.dataframe(changes)


main(Path(sys.argv[1]) if len(sys.argv) > 1 else history_path(HistoryConfig()))
