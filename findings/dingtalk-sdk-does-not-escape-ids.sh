#!/usr/bin/env bash
# The SDK that DingTalk generates for Node, @alicloud/dingtalk 2.2.27, puts ids into the path of a request as they are. A
# worksheet may be named by its title, and titles hold anything: for "Q1/Q2" the SDK asks for another path, for "50% off"
# it sends a path that no server decodes, and for "备注" Node refuses to send. With encodeURIComponent around each id the
# calls work. The colon of a range such as A1:B2 goes out as it is, too, which DingTalk takes.
#
# Why it matters: a script in a bash task that reads a sheet by its title works with "Sheet1" and fails with the next
# title, with an error that names neither. Dingdag's operators escape ids.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v node >/dev/null || apt-get install -qq -y nodejs npm >/dev/null
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund @alicloud/dingtalk@2.2.27 @alicloud/openapi-client@0.4.15 @alicloud/tea-util@1.4.10 >/dev/null 2>&1
cat >main.cjs <<'JS'
const http = require('http')
const { Config } = require('@alicloud/openapi-client')
const { RuntimeOptions } = require('@alicloud/tea-util')
const doc = require('@alicloud/dingtalk/doc_1_0')
let asked = ''
const server = http.createServer((req, res) => {
  asked = req.url.split('?')[0]
  res.writeHead(200, { 'content-type': 'application/json' }).end('{"values":[[""]]}')
})
server.listen(0, '127.0.0.1', async () => {
  const sdk = new doc.default(new Config({ protocol: 'http', endpoint: `127.0.0.1:${server.address().port}`, regionId: 'central' }))
  for (const title of ['Sheet1', 'Q1/Q2', '50% off', '备注', encodeURIComponent('备注')]) {
    asked = ''
    const request = new doc.GetRangeRequest({ operatorId: 'u' })
    const failed = await sdk.getRangeWithOptions('book', title, 'A1:B2', request, new doc.GetRangeHeaders({}), new RuntimeOptions({ autoretry: false }))
      .then(() => '', e => e.code)
    console.log(`${title}: ${asked || failed}`)
  }
  server.close()
})
JS
node main.cjs | tee seen
diff seen - <<'SEEN'
Sheet1: /v1.0/doc/workbooks/book/sheets/Sheet1/ranges/A1:B2
Q1/Q2: /v1.0/doc/workbooks/book/sheets/Q1/Q2/ranges/A1:B2
50% off: /v1.0/doc/workbooks/book/sheets/50%%20off/ranges/A1:B2
备注: ERR_UNESCAPED_CHARACTERS
%E5%A4%87%E6%B3%A8: /v1.0/doc/workbooks/book/sheets/%E5%A4%87%E6%B3%A8/ranges/A1:B2
SEEN
echo 'as recorded'
