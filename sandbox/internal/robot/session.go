package robot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

// sessionLife is how long a reply address is good for.
const sessionLife = 90 * time.Minute

// Session is where a bot answers somebody who has written to it.
type Session struct {
	// AppKey is the bot's.
	AppKey string
	// Chat is the openConversationId of a group; empty for a chat between the two.
	Chat string
	// UserID is who wrote.
	UserID string
}

type sessionState struct {
	core.Reply

	expires time.Time
}

// OpenSession acts as if somebody had written to a bot. It returns the path and query
// of the sessionWebhook that comes with such a message, and when it expires. The error
// wraps [ErrNotFound].
func (s *Service) OpenSession(in Session) (webhookPath string, expires time.Time, err error) {
	s.core.Lock()
	defer s.core.Unlock()
	to := core.Reply{App: s.core.App(in.AppKey), Chat: s.core.Groups.ByConversation(in.Chat), UserID: in.UserID, Conversation: in.Chat}
	if to.App == nil || s.core.People.User(in.UserID) == nil || in.Chat != "" && to.Chat == nil {
		return "", time.Time{}, fmt.Errorf("open a session of app key %q with user %q: %w", in.AppKey, in.UserID, core.ErrNotFound)
	}
	if to.Chat == nil {
		to.Conversation = core.OneToOne(to.App, in.UserID)
	}
	webhookPath, expires = replies{s}.Open(to)
	return webhookPath, expires, nil
}

// replies is what the core asks of the addresses for replies.
type replies struct{ *Service }

// Open opens a session and returns its path and query.
func (s replies) Open(to core.Reply) (path string, expires time.Time) {
	id := s.core.Code(32)
	state := &sessionState{Reply: to, expires: s.core.Now().Add(sessionLife)}
	s.sessions[id] = state
	return "/robot/sendBySession?session=" + id, state.expires
}

// Take shows a reply that came as the answer to a callback. An empty answer and the msgtype "empty" show nothing.
func (s replies) Take(to core.Reply, raw []byte, now time.Time) (messageID int, err error) {
	var body map[string]any
	if len(bytes.TrimSpace(raw)) == 0 {
		return 0, nil
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return 0, fmt.Errorf("the answer is no JSON object: %w", err)
	}
	if len(body) == 0 || body["msgtype"] == "empty" {
		return 0, nil
	}
	msgtype, content, r := readContent(body)
	if r != nil {
		return 0, fmt.Errorf("the answer is no message: errcode %d %s", r.Code, r.Text)
	}
	return s.show(to, core.Message{Time: now, Type: msgtype, Content: content, Raw: json.RawMessage(raw)}, body["at"]), nil
}

// sessionCalls is the reply address that comes with a message to a bot.
//
// DingTalk docs: https://open.dingtalk.com/document/development/receive-message
func (s *Service) sessionCalls() []core.Call {
	return []core.Call{{Name: "robot.reply", Pattern: "/robot/sendBySession", Decide: s.sessionReply}}
}

// sessionReply takes what the webhook of a custom robot takes, without its security.
func (s *Service) sessionReply(req *core.Request) core.Answer {
	session := s.sessions[req.URL.Query().Get("session")]
	if session == nil || !req.At.Before(session.expires) {
		return core.Refuse(300001).Answer(core.Plain)
	}
	if session.Chat != nil && session.Chat.Disbanded {
		return core.Refuse(400013).Answer(core.Plain).Of(session.App)
	}
	body, r := readRobotBody(req)
	if r != nil {
		return r.Answer(core.Plain).Of(session.App)
	}
	msgtype, content, r := readContent(body)
	if r != nil {
		return r.Answer(core.Plain).Of(session.App)
	}
	a := core.LegacyAnswer(0, "ok").Of(session.App)
	a.Note.MessageID = s.show(session.Reply, core.Message{
		Time: req.At, Type: msgtype, Content: content, RemoteIP: req.IP.String(), Raw: json.RawMessage(req.Raw),
	}, body["at"])
	return a
}

// show puts a reply into its conversation.
func (s *Service) show(to core.Reply, m core.Message, at any) int {
	m.Robot, m.Group, m.Conversation, m.ReplyTo = to.App.Name, to.App.Name, to.Conversation, to.Message
	ids := []string{to.UserID}
	if to.Chat != nil {
		m.Group, ids = to.Chat.Name, to.Chat.Members
	} else if to.UserID != "" {
		m.To = ids
	}
	m.Mentions = mention(people{s.membersOf(ids), "group"}, m.Type, m.Content.Text, at)
	return s.core.AddMessage(m)
}

// membersOf looks people up for mentions.
func (s *Service) membersOf(ids []string) []Member {
	var out []Member
	for _, id := range ids {
		if u := s.core.People.User(id); u != nil {
			out = append(out, Member{Name: u.Name, Mobile: u.Mobile, UserID: u.UserID})
		}
	}
	return out
}
