#!/usr/bin/env bash
# DingTalk blocks an address that calls too often, and its gate then answers HTTP 200 with
# {"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"…"}: no errcode, no code. Three clients take this for
# a success: github.com/CatchZeng/dingtalk 1.5.0 (Go) returns no error, dingtalk-robot-sender 1.2.0 (Node) resolves its
# promise, as it also does for errcode 310000, and so does the SDK that DingTalk generates, @alicloud/dingtalk 2.2.27,
# whose answer then lacks every field.
#
# Why it matters: a script in a bash task that alerts through one of them is green while nobody is told, for the five
# minutes of the block. Look for errcode 0, and not for the absence of an error. Dingdag's own hook does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
command -v node >/dev/null || apt-get install -qq -y nodejs npm >/dev/null
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund dingtalk-robot-sender@1.2.0 @alicloud/dingtalk@2.2.27 @alicloud/openapi-client@0.4.15 >/dev/null 2>&1
cat >go.mod <<'GO'
module finding

go 1.24

require github.com/CatchZeng/dingtalk v1.5.0
GO
cat >main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/CatchZeng/dingtalk/pkg/dingtalk"
)

// redirected sends every request to the server of this script.
type redirected struct{ to *url.URL }

func (r redirected) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = r.to.Scheme, r.to.Host
	return (&http.Transport{}).RoundTrip(req)
}

func main() {
	to, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	http.DefaultTransport = redirected{to}
	_, answer, err := dingtalk.NewClient("token", "").Send(dingtalk.NewTextMessage().SetContent("disk full"))
	fmt.Printf("CatchZeng/dingtalk: error %v, errcode %d\n", err, answer.ErrCode)
}
GO
GOFLAGS=-mod=mod go build -o catchzeng . 2>/dev/null
cat >main.cjs <<'JS'
const http = require('http')
const { execFile } = require('child_process')
const Bot = require('dingtalk-robot-sender')
const { Config } = require('@alicloud/openapi-client')
const robot = require('@alicloud/dingtalk/robot_1_0')
const blocked = '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"1"}'
const server = http.createServer((req, res) => {
  req.resume()
  const refused = req.url.includes('keyword') ? '{"errcode":310000,"errmsg":"keywords not in content"}' : blocked
  res.writeHead(200, { 'content-type': 'application/json' }).end(refused)
})
server.listen(0, '127.0.0.1', async () => {
  const host = `127.0.0.1:${server.address().port}`
  await new Promise(done => execFile('./catchzeng', [`http://${host}`], (err, out) => { process.stdout.write(err ? String(err) : out); done() }))
  for (const accessToken of ['blocked', 'keyword']) {
    const told = await new Bot({ baseUrl: `http://${host}/robot/send`, accessToken }).text('disk full').then(() => 'resolved', () => 'rejected')
    console.log(`dingtalk-robot-sender, ${accessToken}: ${told}`)
  }
  const sdk = new robot.default(new Config({ protocol: 'http', endpoint: host, regionId: 'central' }))
  const request = new robot.BatchSendOTORequest({ robotCode: 'r', userIds: ['u'], msgKey: 'sampleText', msgParam: '{"content":"disk full"}' })
  const told = await sdk.batchSendOTO(request).then(a => `resolved, processQueryKey ${a.body.processQueryKey}`, e => `rejected: ${e.message}`)
  console.log(`@alicloud/dingtalk: ${told}`)
  server.close()
})
JS
node main.cjs | tee seen
diff seen - <<'SEEN'
CatchZeng/dingtalk: error <nil>, errcode 0
dingtalk-robot-sender, blocked: resolved
dingtalk-robot-sender, keyword: resolved
@alicloud/dingtalk: resolved, processQueryKey undefined
SEEN
echo 'as recorded'
