package callbacks_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func TestChannelOf(t *testing.T) {
	t.Parallel()
	many := strings.Split(strings.TrimSuffix(strings.Repeat("manager,user001,user002,", 8), ","), ",")
	for i := range many {
		many[i] += strings.Repeat("x", i)
	}
	for want, got := range map[string]string{
		"smtp:mail":                            callbacks.ChannelOf("smtp", "mail"),
		"dingding_bot:a:b@cidAb/3dE+f0==":      callbacks.ChannelOf("dingding_bot", "a:b", "cidAb/3dE+f0=="),
		"dingding_bot:app@u1,u2":               callbacks.ChannelOf("dingding_bot", "app", "u2", "u1", "u2"),
		"dingding_bot:app@1-a03f1d611645eb53":  callbacks.ChannelOf("dingding_bot", "app", "two words"),
		"dingding_bot:app@24-596e62c4ff24245b": callbacks.ChannelOf("dingding_bot", "app", many...),
	} {
		assert.Equal(t, want, got)
	}
	for channel, want := range map[string][3]string{
		"function":                        {"function"},
		"smtp:mail":                       {"smtp", "mail"},
		"dingding_bot:a:b@cidAb/3dE+f0==": {"dingding_bot", "a:b", "cidAb/3dE+f0=="},
		"dingding_bot:app@a@b":            {"dingding_bot", "app", "a@b"},
	} {
		sender, conn, receivers := callbacks.SplitChannel(channel)
		assert.Equal(t, want, [3]string{sender, conn, receivers}, channel)
	}
}
