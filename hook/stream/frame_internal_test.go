package stream

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const benchFrame = `{"specVersion":"1.0","type":"CALLBACK","headers":{"topic":"/v1.0/im/bot/messages/get","messageId":"212ca9d7_974",` +
	`"contentType":"application/json","time":"1690362102194","connectionId":"c"},"data":"{\"conversationId\":\"cidAb==\",\"conversationType\":\"2\",` +
	`\"msgId\":\"m1\",\"msgtype\":\"text\",\"text\":{\"content\":\" status etl\"},\"senderStaffId\":\"user001\",\"senderNick\":\"Ann\",` +
	`\"sessionWebhook\":\"https://oapi.dingtalk.com/robot/sendBySession?session=x\",\"sessionWebhookExpiredTime\":1690367501000}"}`

func FuzzFrame(f *testing.F) {
	f.Add([]byte(benchFrame))
	f.Add([]byte(`{"type":"EVENT","headers":{"topic":"*","eventId":"e","eventType":"t","eventBornTime":"x"},"data":"{}"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := parseFrame(data)
		if err != nil {
			return
		}
		r, err := parsed.read(time.UnixMilli(1))
		if err != nil {
			return
		}
		require.NotEmpty(t, r.Key())
		require.NotEmpty(t, r.Conversation())
		_, err = json.Marshal(parsed.ok())
		require.NoError(t, err)
	})
}

// What a message costs on our side: from the bytes of a frame to the handler and the answer.
func BenchmarkFrame(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		f, err := parseFrame([]byte(benchFrame))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := f.read(time.UnixMilli(1)); err != nil {
			b.Fatal(err)
		}
		if _, err := json.Marshal(f.ok()); err != nil {
			b.Fatal(err)
		}
	}
}
