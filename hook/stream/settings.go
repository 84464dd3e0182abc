package stream

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/connections"
)

// Settings are what the extra of an application's connection says about the chat.
type Settings struct {
	// Stream says that what DingTalk sends to the application is to be received.
	Stream bool
	// ConversationID is the openConversationId of the group that is written to when nothing else is
	// said, UserIDs the people.
	ConversationID string
	UserIDs        []string
	// CardTemplateID is the template of cards.
	CardTemplateID string
	// Commands are those that people may use; with AllCommands, all of them.
	Commands    []string
	AllCommands bool
}

// SettingsOf reads them. The error names each key about the chat that is wrong, also those of what comes over HTTP, and what
// to write.
func SettingsOf(c *connections.Connection) (Settings, error) {
	var s Settings
	if c.Type != "dingtalk" && c.Type != "dingding" {
		return s, nil
	}
	extra, err := c.ExtraMap()
	if err != nil {
		return s, err
	}
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("extra.%s "+format, append([]any{key}, args...)...))
	}
	s.Stream, err = connections.ExtraTruth(extra, "stream")
	errs = append(errs, err)
	if s.Stream && c.Type == "dingding" && c.GetLogin() == "" {
		wrong("stream", "is of applications: a robot sends only. Use a connection of type dingtalk with AppKey and AppSecret")
	}
	on, err := connections.ExtraTruth(extra, "http")
	errs = append(errs, err)
	if on && c.Type != "dingtalk" {
		wrong("http", "is of connections of type dingtalk; this one is of type %s", c.Type)
	}
	for _, t := range []struct {
		key  string
		into *string
	}{
		{"conversation_id", &s.ConversationID},
		{"card_template_id", &s.CardTemplateID},
		{"card_route_key", new(string)},
		{"card_api_secret", new(string)},
		{"event_token", new(string)},
		{"event_aes_key", new(string)},
		{"event_owner", new(string)},
	} {
		texts, err := connections.ExtraTexts(extra, t.key)
		switch {
		case err != nil || len(texts) > 1:
			wrong(t.key, "must be a text")
		case len(texts) == 1:
			*t.into = texts[0]
		}
	}
	if id := s.ConversationID; id != "" && !strings.HasPrefix(id, "cid") {
		wrong("conversation_id", "must be an openConversationId, which begins with cid: dingtalk_convert_chat_id makes one of a chatid, and a message to the bot has it as conversationId")
	}
	if s.UserIDs, err = connections.ExtraTexts(extra, "user_id"); err != nil {
		errs = append(errs, err)
	}
	if s.AllCommands, s.Commands, err = connections.ChatCommands(extra); err != nil {
		errs = append(errs, err)
	}
	return s, errors.Join(errs...)
}
