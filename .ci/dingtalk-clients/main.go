// The clients of others for Go, as a program that tests start. It sends one message
// of each type through the robot client that its argument names, or with "stream" answers messages
// through the official SDK for stream mode, and prints a line of JSON for
// each with the error that the client returned.
//
// The robot clients know no other address than DingTalk's: HTTPS_PROXY and SSL_CERT_FILE lead
// them to the sandbox.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	catchzeng "github.com/CatchZeng/dingtalk/pkg/dingtalk"
	blinkbean "github.com/blinkbean/dingtalk"
)

type sent struct {
	Type  string `json:"type"`
	Error string `json:"error"`
}

func report(kind string, err error) {
	s := sent{Type: kind}
	if err != nil {
		s.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		panic(err)
	}
}

const (
	title   = "report"
	text    = "report of 2026-01-31"
	link    = "https://example.com/1"
	picture = "https://example.com/1.png"
	mobile  = "13800000001"
)

func main() {
	token, secret := os.Getenv("DINGTALK_TOKEN"), os.Getenv("DINGTALK_SECRET")
	switch name := os.Args[1]; name {
	case "blinkbean":
		sendByBlinkbean(token, secret)
	case "catchzeng":
		sendByCatchzeng(token, secret)
	case "stream":
		stream()
	default:
		fmt.Fprintf(os.Stderr, "unknown client %q\n", name)
		os.Exit(2)
	}
}

func sendByBlinkbean(token, secret string) {
	c := blinkbean.InitDingTalk([]string{token}, "")
	if secret != "" {
		c = blinkbean.InitDingTalkWithSecret(token, secret)
	}
	report("text", c.SendTextMessage(text, blinkbean.WithAtMobiles([]string{mobile})))
	report("markdown", c.SendMarkDownMessage(title, "### "+text+"\n@"+mobile, blinkbean.WithAtMobiles([]string{mobile})))
	report("link", c.SendLinkMessage(title, text, picture, link))
	report("actionCard", c.SendActionCardMessage(title, text, blinkbean.WithCardSingleTitle("open"), blinkbean.WithCardSingleURL(link)))
	report("feedCard", c.SendFeedCardMessage([]blinkbean.FeedCardLinkModel{{Title: title, MessageURL: link, PicURL: picture}}))
}

func sendByCatchzeng(token, secret string) {
	c := catchzeng.NewClient(token, secret)
	send := func(kind string, m catchzeng.Message) {
		_, _, err := c.Send(m)
		report(kind, err)
	}
	send("text", catchzeng.NewTextMessage().SetContent(text).SetAt([]string{mobile}, false))
	send("markdown", catchzeng.NewMarkdownMessage().SetMarkdown(title, "### "+text+"\n@"+mobile).SetAt([]string{mobile}, false))
	send("link", catchzeng.NewLinkMessage().SetLink(title, text, picture, link))
	send("actionCard", catchzeng.NewActionCardMessage().SetOverallJump(title, text, "open", link, "0", "0"))
	send("feedCard", catchzeng.NewFeedCardMessage().AppendLink(title, link, picture))
}
