# Read by any Python, also by one that is too old for the runner. It must say so itself.
import os, struct, sys
def read(n):
    data = b""
    while len(data) < n:
        part = os.read(3, n - len(data))
        if not part:
            sys.exit(70)
        data += part
    return data
if sys.version_info < (3, 8):
    said = ('{"op": "old", "version": "%d.%d.%d"}' % sys.version_info[:3]).encode("ascii")
    os.write(4, struct.pack(">I", len(said)) + said)
    sys.exit(0)
source = read(struct.unpack(">I", read(4))[0]).decode("utf-8")
exec(compile(source, "<dingdag>", "exec"), {"__name__": "_dingdag"})
