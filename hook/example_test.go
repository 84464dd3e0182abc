package hook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/directory"
	"github.com/dingdag/dingdag/hook/internal/calltest"
)

// A message to a group in five lines.
func Example() {
	dingtalk := httptest.NewServer(calltest.Answering(`{"errcode":0,"errmsg":"ok"}`))
	defer dingtalk.Close()
	ctx, webhook := context.Background(), dingtalk.URL+"/robot/send?access_token="+token

	h := hook.New(connections.Static{hook.DefaultConnID: {
		Password: new(connections.Secret(webhook)),             // as the group's settings show it
		Extra:    new(connections.Secret(`{"secret":"SEC…"}`)), // of the security setting "sign", if there is one
	}})
	defer h.CloseIdleConnections()
	sent, err := h.Send(ctx, hook.Text("the nightly load is done"))

	fmt.Println(sent.Parts, err)
	// Output: 1 <nil>
}

func ExampleDingdingHook_Send() {
	dingtalk := httptest.NewServer(calltest.Answering(`{"errcode":310000,"errmsg":"keywords not in content"}`))
	defer dingtalk.Close()

	h := hook.New(connSource(conn{Host: dingtalk.URL, Password: token}))
	defer h.CloseIdleConnections()
	message := hook.Markdown("Daily report", "### All well")
	message.AtMobiles = []string{"13800000001"}

	_, err := h.Send(context.Background(), message)
	if e, ok := errors.AsType[*hook.Error](err); ok {
		fmt.Println(e.Kind, e.Code, e.Message)
		fmt.Println(e.Remedy())
	}
	// Output:
	// auth 310000 keywords not in content
	// DingTalk does not say which word is missing: look in the group under Group Settings, Bots, this robot, Security Settings, and put it into the extra of connection "dingding_default" as {"keyword": "…"}, which adds it to every message
}

func ExampleDingdingHook_App() {
	dingtalk := httptest.NewServer(calltest.Answering(
		`{"errcode":0,"access_token":"t","expires_in":7200}`, `{"errcode":0,"result":{"userid":"u001","name":"Ann Lee"}}`,
	))
	defer dingtalk.Close()
	ctx := context.Background()
	h := hook.New(source{"dingtalk_default": conn{Host: dingtalk.URL, Login: "dingabc", Password: "secret"}.connection("dingtalk_default")})
	defer h.CloseIdleConnections()

	app := h.App("dingtalk_default") // AppKey and AppSecret are its login and password
	ann, err := directory.GetUser(ctx, app, "u001", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ann.Name)
	// Output: Ann Lee
}

func ExamplePrepare() {
	p, err := hook.Prepare(hook.Text("你好"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", p.Bodies[0])
	// Output: {"msgtype":"text","text":{"content":"你好"},"at":{"atMobiles":null,"isAtAll":false}}
}
