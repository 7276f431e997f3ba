"""The settings: one TOML file, every field typed, bounded, with its default and meaning beside it."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from edge.errors import ConfigError
from edge.model.package import DEFAULT_MODEL

if TYPE_CHECKING:
    from pathlib import Path

SourceKind = Literal["auto", "picamera", "v4l2", "stream", "video", "images", "demo"]
DetectorBackend = Literal["luma", "haar", "yunet"]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Topic = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=128)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class SourceConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where frames come from."""

    kind: Annotated[
        SourceKind,
        Meta(description="auto takes the Pi camera, else a USB/V4L2 camera, else the bundled demo"),
    ] = "auto"
    camera: Annotated[
        Name, Meta(description="what events call this camera; small letters, digits, - and _, 32 at most")
    ] = "camera"
    path: Annotated[
        str,
        Meta(
            description="a video file, a folder of pictures, or a stream's address (rtsp://, http://); "
            'for v4l2 a device (/dev/v4l/by-id/...), "" for the first'
        ),
    ] = ""
    width: Annotated[
        int,
        Meta(description="pixels asked of a camera; 640x480 leaves a face at 2 m its 48 pixels", ge=64, le=4096),
    ] = 640
    height: Annotated[int, Meta(description="pixels asked of a camera", ge=64, le=4096)] = 480
    fps: Annotated[
        float, Meta(description="frames a second asked of a camera, and the pace of the demo", gt=0, le=240)
    ] = 15.0
    rotate: Annotated[
        Literal[0, 90, 180, 270],
        Meta(description="degrees to turn the picture clockwise, for a camera on its side"),
    ] = 0
    mirror: Annotated[bool, Meta(description="swap left and right, after turning")] = False
    exposure_ms: Annotated[
        float, Meta(description="a camera's exposure, held; 0 lets it choose", ge=0, le=1000)
    ] = 0.0
    loop: Annotated[bool, Meta(description="start a file, folder or the demo again when it ends")] = False
    realtime: Annotated[
        bool,
        Meta(description="play files and the demo at their own speed and drop late frames, as a camera would"),
    ] = True


class DetectConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How faces are found."""

    backend: Annotated[
        DetectorBackend, Meta(description="luma is Mien's own; yunet needs its ONNX file in detect.model")
    ] = "luma"
    model: Annotated[str, Meta(description="the detector's own model file, where it needs one")] = ""
    width_px: Annotated[
        int,
        Meta(
            description="frames are shrunk to this width to look for faces; half of it finds half as far",
            ge=96,
            le=1920,
        ),
    ] = 320
    min_score: Annotated[float, Meta(description="weaker finds are not faces", ge=0, le=1)] = 0.6
    min_face_px: Annotated[
        int, Meta(description="smaller faces are ignored, in pixels of the source's frame", ge=8, le=1024)
    ] = 24


class ClassifyConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an emotion is read from a face."""

    model: Annotated[str, Meta(description="a bundled model's name (mien models) or a packaged .tflite file")] = (
        DEFAULT_MODEL
    )
    threads: Annotated[int, Meta(description="one is fastest for faces this small", ge=1, le=8)] = 1


class AdaptConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is done for each frame, and what is left out under load and heat."""

    fps: Annotated[
        float,
        Meta(description="frames a second that are looked at, at most; 0 for all of the source", ge=0, le=240),
    ] = 0.0
    detect_every: Annotated[
        int, Meta(description="look for faces in every n-th frame; in between they are carried on", ge=1, le=30)
    ] = 1
    crops_per_frame: Annotated[
        int, Meta(description="faces classified in one frame; where there are more they take turns", ge=1, le=100)
    ] = 4
    motion_gate: Annotated[
        bool, Meta(description="where nobody is in view and nothing moves, look for faces once a second only")
    ] = True
    max_load: Annotated[
        float,
        Meta(description="do less where the work takes more than this share of the time; 0 for never", ge=0, le=1),
    ] = 0.85
    hot_celsius: Annotated[
        float, Meta(description="do less where the processor is as warm, or slowed down; 0 for never", ge=0, le=120)
    ] = 78.0


class TrackConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How faces are followed from frame to frame."""

    min_hits: Annotated[
        int, Meta(description="a face counts once it was found this often; 1 trusts every find", ge=1, le=30)
    ] = 2
    max_gap_s: Annotated[float, Meta(description="seconds out of sight before a face has left", gt=0, le=60)] = 1.0
    min_iou: Annotated[
        float, Meta(description="overlap with its last place that makes a find the same face", gt=0, lt=1)
    ] = 0.2


class DecideConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How scores become an emotion that holds still."""

    window_s: Annotated[float, Meta(description="scores are averaged over about this long", gt=0, le=60)] = 0.7
    min_duration_s: Annotated[
        float, Meta(description="a new emotion must lead this long before it counts", ge=0, le=60)
    ] = 0.4
    margin: Annotated[float, Meta(description="and by this much score over the one it replaces", ge=0, lt=1)] = 0.25
    min_score: Annotated[
        float, Meta(description='below this best score the honest answer is "uncertain"', ge=0, lt=1)
    ] = 0.4
    state_every_s: Annotated[
        float, Meta(description="seconds from one state event to the next; 0 for none", ge=0, le=3600)
    ] = 1.0


class JsonlConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events as JSON lines."""

    stdout: Annotated[bool, Meta(description="print every event")] = True
    file: Annotated[str, Meta(description="append every event to this file, too")] = ""


class WebConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The local page, its API and metrics (docs/WEB.md)."""

    enabled: Annotated[bool, Meta(description="serve the page")] = True
    bind: Annotated[
        str,
        Meta(
            description="127.0.0.1, ::1 or localhost for this machine alone; any other address, or 0.0.0.0 or ::"
            " for all, lets the local network in and needs a token (sudo mien token new)",
            pattern=r"^(localhost|[0-9.]+|[0-9a-f.]*:[0-9a-f:.]*)$",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(description="0 picks a free one", ge=0, le=65535)] = 8321
    names: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", max_length=253)], ...],
        Meta(description="names under which browsers may ask, beside this machine's own"),
    ] = ()
    token_file: Annotated[
        str, Meta(description="where the token's hash is kept; \"\" is /etc/mien/web-token, or the user's own")
    ] = ""
    require_token: Annotated[
        bool, Meta(description="ask for the token on this machine, too, as behind a proxy")
    ] = False
    announce: Annotated[
        bool, Meta(description="tell the local network of the page by DNS-SD, where it is let in and Avahi runs")
    ] = True
    fps: Annotated[float, Meta(description="pictures a second for a viewer, at most", gt=0, le=60)] = 10.0
    max_watchers: Annotated[int, Meta(description="viewers at a time; one more is told to wait", ge=1, le=64)] = 8


class FeedbackConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Faces whose label a viewer corrected, kept on this device for a later training (docs/WEB.md)."""

    enabled: Annotated[
        bool, Meta(description="keep the 48x48 crop of a face when a viewer says what it really shows")
    ] = False
    folder: Annotated[str, Meta(description='where; "" is the folder feedback beside the history')] = ""
    max_files: Annotated[int, Meta(description="no more are taken after so many", ge=1, le=100_000)] = 1000


class HistoryConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record of events and of each minute's emotions, in a database on this device; never a picture."""

    enabled: Annotated[bool, Meta(description="keep a history")] = False
    file: Annotated[
        str, Meta(description='the database; "" is history.db where the system keeps such files (docs/HISTORY.md)')
    ] = ""
    batch_s: Annotated[
        float,
        Meta(
            description="seconds from one write to the next: a kill loses so much, a card lasts longer",
            ge=1,
            le=3600,
        ),
    ] = 60.0
    max_age_days: Annotated[int, Meta(description="older rows are removed", ge=1, le=36500)] = 365
    max_size_mb: Annotated[
        int, Meta(description="the oldest rows are removed from a larger file", ge=1, le=1024)
    ] = 64


class MqttConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Events for an MQTT broker and Home Assistant (docs/MQTT.md)."""

    enabled: Annotated[bool, Meta(description="publish to the broker")] = False
    host: Annotated[str, Meta(description="the broker's name or address", min_length=1)] = "localhost"
    port: Annotated[int, Meta(description="usually 1883, with TLS 8883", ge=1, le=65535)] = 1883
    tls: Annotated[bool, Meta(description="encrypt, and check who the broker is")] = False
    ca_file: Annotated[
        str, Meta(description='certificates to trust (PEM), e.g. of your own CA; "" for what the system trusts')
    ] = ""
    username: Annotated[str, Meta(description='"" if the broker asks for none')] = ""
    password_file: Annotated[
        str, Meta(description="a file whose first line is the password; it belongs in no other place")
    ] = ""
    device: Annotated[
        str,
        Meta(
            description='this device in topics; small letters, digits, - and _, 32 at most; "" for the host name',
            pattern=r"^([a-z0-9][a-z0-9_-]{0,31})?$",
        ),
    ] = ""
    device_name: Annotated[
        str, Meta(description='the device as Home Assistant shows it; "" makes one of device and camera')
    ] = ""
    topic_prefix: Annotated[Topic, Meta(description="topics are PREFIX/DEVICE/CAMERA/...")] = "mien"
    discovery: Annotated[bool, Meta(description="announce the device to Home Assistant")] = True
    discovery_prefix: Annotated[Topic, Meta(description="as set in Home Assistant")] = "homeassistant"
    event_qos: Annotated[
        int, Meta(description="of events: 0 may lose some, 1 may repeat some, 2 does neither", ge=0, le=2)
    ] = 1
    state_qos: Annotated[int, Meta(description="of state and summary, which come again anyway", ge=0, le=2)] = 0
    queue_events: Annotated[
        int,
        Meta(description="events kept while there is no broker; then the oldest give way", ge=1, le=100_000),
    ] = 1000
    keepalive_s: Annotated[
        int, Meta(description="seconds of silence after which both sides make sure of each other", ge=5, le=3600)
    ] = 30


class AssistantsConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an AI assistant on this machine may ask (docs/WEB.md)."""

    enabled: Annotated[
        bool, Meta(description="answer `mien mcp`: how many faces, and which emotions; never a picture")
    ] = False


class PrivacyConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The privacy switch, which closes the camera (mien privacy on)."""

    default_on: Annotated[
        bool, Meta(description="start with the camera off, until the switch is used for the first time")
    ] = False
    button_gpio: Annotated[
        int,
        Meta(description="GPIO number of a push button to ground that turns the switch; 0 for none", ge=0, le=27),
    ] = 0
    led_gpio: Annotated[
        int, Meta(description="GPIO number of an LED that is lit while the camera may see; 0 for none", ge=0, le=27)
    ] = 0


class ServiceConfig(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The process itself."""

    control: Annotated[
        bool, Meta(description="take commands of this machine's users (mien status, mien privacy)")
    ] = True
    max_rss_mb: Annotated[
        int,
        Meta(
            description="end, to be started again, when more memory is resident than this; 0 for any",
            ge=0,
            le=65536,
        ),
    ] = 400
    nice: Annotated[int, Meta(description="19 gives way to every other program, 0 to none", ge=0, le=19)] = 0
    cores: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=1023)], ...],
        Meta(description="processor cores to run on, e.g. [2, 3]; [] for any"),
    ] = ()


class Config(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything."""

    source: SourceConfig = field(default_factory=SourceConfig)
    detect: DetectConfig = field(default_factory=DetectConfig)
    classify: ClassifyConfig = field(default_factory=ClassifyConfig)
    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    track: TrackConfig = field(default_factory=TrackConfig)
    decide: DecideConfig = field(default_factory=DecideConfig)
    jsonl: JsonlConfig = field(default_factory=JsonlConfig)
    web: WebConfig = field(default_factory=WebConfig)
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    assistants: AssistantsConfig = field(default_factory=AssistantsConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)


def load_config(path: Path) -> Config:
    """The settings in a file. Raises ConfigError, naming file, key, value and rule."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise ConfigError(f"{path}: cannot be read: {reason}") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: no TOML: {error}") from error
    try:
        return parse_config(table)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(table: dict[str, Any]) -> Config:
    """The settings in a table as TOML gives it. Raises ConfigError."""
    try:
        return msgspec.convert(table, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(explain(error, table)) from error


def explain(error: msgspec.ValidationError, table: dict[str, Any]) -> str:
    """'source.fps = 0: must be > 0', from msgspec's 'Expected `float` > 0 - at `$.source.fps`'."""
    message, _, at = str(error).partition(" - at `$")
    path = at.rstrip("`").lstrip(".")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message):
        key = ".".join(part for part in (path, unknown[1]) if part)
        return f"{key}: no such setting (mien config --print lists them)"
    value: Any = table
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    rule = message.replace("Expected", "must be").replace("`", "").replace(", got", ", not")
    if choice := re.fullmatch(r"Invalid enum value (.*)", message):
        allowed = ", ".join(str(word) for word in allowed_values(path))
        return f"{path} = {choice[1]}: must be one of {allowed}".replace("'", '"')
    rule = re.sub(r"^must be (?:float|int) (?=[<>])", "must be ", rule)
    rule = re.sub(r"(?<=\d)\.0$", "", rule)
    return f"{path} = {msgspec.json.encode(value).decode()}: {rule}"


def allowed_values(path: str) -> tuple[Any, ...]:
    """The words that a Literal setting may hold."""
    section, _, key = path.partition(".")
    info = msgspec.inspect.type_info(Config)
    for part in (section, key):
        info = next(f.type for f in info.fields if f.name == part)  # type: ignore[attr-defined]
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return tuple(info.values) if isinstance(info, msgspec.inspect.LiteralType) else ()


def commented_example() -> str:
    """A file that sets every field to its default and says what it means."""
    lines = ["# Mien's settings. Every line shows a default; delete what you do not change."]
    for table in msgspec.structs.fields(Config):
        section = table.default_factory()
        lines += ["", f"# {type(section).__doc__}", f"[{table.name}]"]
        lines += [line for entry in msgspec.structs.fields(type(section)) for line in _example_field(entry)]
    return "\n".join(lines) + "\n"


def _example_field(entry: msgspec.structs.FieldInfo) -> list[str]:
    metas: tuple[Meta, ...] = getattr(entry.type, "__metadata__", ())
    kind = msgspec.inspect.type_info(entry.type)
    while isinstance(kind, msgspec.inspect.Metadata):
        kind = kind.type
    notes = [meta.description for meta in metas if meta.description]
    if isinstance(kind, msgspec.inspect.LiteralType):
        notes.append("one of " + ", ".join(str(value) for value in kind.values))
    for meta in metas:
        bounds = (("at least", meta.ge), ("above", meta.gt), ("at most", meta.le), ("below", meta.lt))
        notes += [f"{words} {bound}" for words, bound in bounds if bound is not None]
    value = msgspec.json.encode(entry.default).decode()  # a JSON string, number or boolean is a TOML one too
    return [f"# {'; '.join(notes)}", f"{entry.name} = {value}"]
