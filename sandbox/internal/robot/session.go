package robot

import (
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
	app     *core.App
	chat    *core.Chat
	user    *core.User
	expires time.Time
}

// OpenSession acts as if somebody had written to a bot. It returns the path and query
// of the sessionWebhook that comes with such a message, and when it expires. The error
// wraps [ErrNotFound].
func (s *Service) OpenSession(in Session) (webhookPath string, expires time.Time, err error) {
	s.core.Lock()
	defer s.core.Unlock()
	state := &sessionState{
		app: s.core.App(in.AppKey), user: s.core.People.User(in.UserID), chat: s.core.Groups.ByConversation(in.Chat),
		expires: s.core.Now().Add(sessionLife),
	}
	if state.app == nil || state.user == nil || in.Chat != "" && state.chat == nil {
		return "", time.Time{}, fmt.Errorf("open a session of app key %q with user %q: %w", in.AppKey, in.UserID, core.ErrNotFound)
	}
	id := s.core.Code(32)
	s.sessions[id] = state
	return "/robot/sendBySession?session=" + id, state.expires, nil
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
	if session.chat != nil && session.chat.Disbanded {
		return core.Refuse(400013).Answer(core.Plain).Of(session.app)
	}
	body, r := readRobotBody(req)
	if r != nil {
		return r.Answer(core.Plain).Of(session.app)
	}
	msgtype, content, r := readContent(body)
	if r != nil {
		return r.Answer(core.Plain).Of(session.app)
	}
	m := core.Message{
		Time: req.At, Robot: session.app.Name, Group: session.app.Name, Type: msgtype, Content: content,
		RemoteIP: req.IP.String(), Raw: json.RawMessage(req.Raw), To: []string{session.user.UserID},
	}
	ids := []string{session.user.UserID}
	if session.chat != nil {
		m.Group, m.To, ids = session.chat.Name, nil, session.chat.Members
	}
	m.Mentions = mention(people{s.membersOf(ids), "group"}, msgtype, content.Text, body["at"])
	a := core.LegacyAnswer(0, "ok").Of(session.app)
	a.Note.MessageID = s.core.AddMessage(m)
	return a
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
