"""Records what PyYAML makes of plain scalars, in scalars.json beside this file.

Run it with Debian's python3 and python3-yaml; the version used is in the file.
"""
import datetime
import json
import math
import pathlib

import yaml

WORDS = """
~ null Null NULL nUll None none NONE true True TRUE tRue false False FALSE yes Yes YES yEs no No NO on On ON oN off Off OFF
y Y n N t f nil undefined NaN nan inf Inf . .. ... - -- + ++ = == / % @x !x
""".split()

INTS = """
0 00 000 1 01 07 08 09 010 017 018 0o17 0O17 0x1F 0X1F 0x1g 0x 0b 0b1 0b101 0b102 0B1 1_000 1__0 _1 1_ 0_ 0_7 0x_f 0b_1 00x1
-0 +0 -1 +1 -01 +017 --1 +-1 -0x1F +0b11 -0o7 9223372036854775807 -9223372036854775807 -9223372036854775808 9223372036854775808 123456 1e3 1E3 1e+3 12e03
1:30 12:30 12:60 12:5 1:2:3 12:30:45 -1:30 +1:30 0:30 00:30 01:30 190:20:30 1:60 1: :30 12:30:45:10 1_0:30 60:60 24:00:00
""".split()

FLOATS = """
1. 1.0 1.5 .5 -.5 +.5 -1.5 +1.5 1.e3 1.e+3 1.5e3 1.5e+3 1.5E-3 .5e+3 .5e3 -.5e+3 -1.5e+3 1_0.5 1.5_0 ._5 .5_0 1._5 0.0 -0.0 00.5 01.5
1.2.3 1..2 .e3 e3 1e 1.5e 1.5e+ .inf .Inf .INF -.inf +.inf -.Inf .iNf .nan .NaN .NAN -.nan +.nan .Nan inf. 1:30.5 12:30.5 1:30. -1:30.5 1:60.5
0x1.8p3 1.0e+400 -1.0e+400 1.0e-400 1.5f 1,5 1,000 1.000,5
""".split()

DATES = """
2024-01-02 2024-1-2 2024-01-2 2024-13-02 20240102 24-01-02 2024-01 2024-01-02T03:04:05 2024-01-02t03:04:05 2024-01-02T03:04:05Z
2024-01-02T03:04:05z 2024-01-02T03:04 2024-01-02T03 2024-1-2T3:04:05 2024-01-02T03:04:05.6 2024-01-02T03:04:05. 2024-01-02T03:04:05.678901
2024-01-02T03:04:05+08:00 2024-01-02T03:04:05+0800 2024-01-02T03:04:05+08 2024-01-02T03:04:05+8 2024-01-02T03:04:05-5:30 2024-01-02T3:4:5
2024-01-02T03:04:05+8:00 2024-01-02T03:04:05.6+08:00 2024-W01-1 2024-001 12024-01-02 -2024-01-02
""".split()

SPACED = [
    "2024-01-02 03:04:05", "2024-01-02  03:04:05", "2024-01-02 03:04:05 Z", "2024-01-02 03:04:05 +08:00", "2024-01-02 03:04:05+0800",
    "2024-01-02 03:04:05 +0800", "2024-01-02 03:04", "2024-01-02 03:04:05 UTC", "0 9 * * *", "1 000", "- 1", "1 .5", "yes no", "12:30 pm",
    "12:30:45 UTC", "1e3 2", ". 5", "- .5",
]


def value(v):
    """The kind of a value and its text."""
    if v is None:
        return "null", ""
    if isinstance(v, bool):
        return "boolean", "true" if v else "false"
    if isinstance(v, int):
        return "integer", str(v)
    if isinstance(v, float):
        if math.isinf(v) or math.isnan(v):
            return "float", repr(v)
        return "float", v.hex()
    if isinstance(v, (datetime.date, datetime.datetime)):
        return "date", v.isoformat()
    if isinstance(v, str):
        return "text", v
    return "other", repr(v)


def record(text):
    try:
        kind, shown = value(yaml.safe_load("k: " + text)["k"])
    except Exception as e:  # PyYAML fails, so that a DAG file with it fails
        kind, shown = "error", type(e).__name__
    return {"text": text, "kind": kind, "value": shown}


texts = list(dict.fromkeys(WORDS + INTS + FLOATS + DATES + SPACED + [sign + w for sign in "+-" for w in INTS + FLOATS if w[0] not in "+-"]))
rows = ",\n".join(json.dumps(record(t)) for t in texts)
head = json.dumps({"pyyaml": yaml.__version__})[1:-1]
(pathlib.Path(__file__).parent / "scalars.json").write_text("{" + head + ', "scalars": [\n' + rows + "\n]}\n")
