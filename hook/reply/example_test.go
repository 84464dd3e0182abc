package reply_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/reply"
	"github.com/dingdag/dingdag/hook/stream"
	"github.com/dingdag/dingdag/sandbox"
)

// A bot that says what people say.
func Example() {
	dingtalk := sandbox.New(sandbox.Options{})
	server := httptest.NewServer(dingtalk)
	defer server.Close()
	if err := dingtalk.Seed(sandbox.DemoOrganisation()); err != nil {
		fmt.Println(err)
		return
	}
	demo := sandbox.DemoApp("demo")
	if err := dingtalk.AddApp(demo); err != nil {
		fmt.Println(err)
		return
	}
	source := connections.Static{"dingtalk_default": {
		Login: &demo.AppKey, Password: new(connections.Secret(demo.AppSecret)), Host: &server.URL,
	}}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() { // somebody writes to the bot, and reads its answer
		defer stop()
		said, err := dingtalk.Say(ctx, sandbox.Say{App: demo.AppKey, From: "user001", Text: "hello"})
		if err != nil {
			fmt.Println(err)
			return
		}
		answers, err := dingtalk.WaitMessages(ctx, 1, sandbox.Filter{Conversation: said.Conversation, After: said.After})
		if err == nil {
			fmt.Println(answers[0].Content.Text)
		}
	}()

	h := hook.New(source)
	defer h.CloseIdleConnections()
	app := h.App("dingtalk_default")
	bot := stream.New(stream.Options{App: app, Handle: func(ctx context.Context, r *stream.Received) error {
		if r.Message == nil {
			return nil
		}
		_, err := reply.Sender{App: app}.Send(ctx, reply.To(r.Message), hook.Text("you said: "+r.Message.Text))
		return err
	}})
	err := bot.Run(ctx)

	fmt.Println(err)
	// Output:
	// you said: hello
	// <nil>
}
