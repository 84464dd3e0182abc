package main

import (
	"context"
	"io"
	"os"

	"github.com/open-dingtalk/dingtalk-stream-sdk-go/chatbot"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/client"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/event"
	"github.com/open-dingtalk/dingtalk-stream-sdk-go/payload"
)

// stream answers each message with its text, until the standard input ends.
func stream() {
	cli := client.NewStreamClient(
		client.WithAppCredential(client.NewAppCredentialConfig(os.Getenv("DINGTALK_KEY"), os.Getenv("DINGTALK_SECRET"))),
		client.WithOpenApiHost(os.Getenv("DINGTALK_URL")),
	)
	cli.RegisterChatBotCallbackRouter(func(ctx context.Context, m *chatbot.BotCallbackDataModel) ([]byte, error) {
		report("message", chatbot.NewChatbotReplier().SimpleReplyText(ctx, m.SessionWebhook, []byte("echo:"+m.Text.Content)))
		return []byte(""), nil
	})
	cli.RegisterAllEventRouter(func(_ context.Context, f *payload.DataFrame) (*payload.DataFrameResponse, error) {
		if h := event.NewEventHeaderFromDataFrame(f); h.EventType != "user_add_org" {
			panic("event " + h.EventType)
		}
		out := payload.NewSuccessDataFrameResponse()
		return out, out.SetJson(event.NewEventProcessResultSuccess())
	})
	if err := cli.Start(context.Background()); err != nil {
		panic(err)
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	cli.Close()
}
