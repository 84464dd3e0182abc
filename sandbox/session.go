package sandbox

import (
	"encoding/json"
	"fmt"
	"time"
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
	app     *appState
	chat    *Chat
	user    *User
	expires time.Time
}

// OpenSession acts as if somebody had written to a bot. It returns the path and query
// of the sessionWebhook that comes with such a message, and when it expires. The error
// wraps [ErrNotFound].
func (s *Server) OpenSession(in Session) (webhookPath string, expires time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := &sessionState{
		app: s.apps.byKey(in.AppKey), user: s.directory.user(in.UserID), chat: s.chats.byConversation(in.Chat),
		expires: s.now().Add(sessionLife),
	}
	if state.app == nil || state.user == nil || in.Chat != "" && state.chat == nil {
		return "", time.Time{}, fmt.Errorf("open a session of app key %q with user %q: %w", in.AppKey, in.UserID, ErrNotFound)
	}
	id := s.ids.code(32)
	s.sessions[id] = state
	return "/robot/sendBySession?session=" + id, state.expires, nil
}

// sessionCalls is the reply address that comes with a message to a bot.
//
// DingTalk docs: https://open.dingtalk.com/document/development/receive-message
func sessionCalls() []call {
	return []call{{name: "robot.reply", pattern: "/robot/sendBySession", decide: (*Server).sessionReply}}
}

// sessionReply takes what the webhook of a custom robot takes, without its security.
func (s *Server) sessionReply(req *request) answer {
	session := s.sessions[req.URL.Query().Get("session")]
	if session == nil || !req.at.Before(session.expires) {
		return refuse(300001).answer(plain)
	}
	if session.chat != nil && session.chat.Disbanded {
		return named(refuse(400013).answer(plain), session.app)
	}
	body, r := readRobotBody(req)
	if r != nil {
		return named(r.answer(plain), session.app)
	}
	msgtype, content, r := readContent(body)
	if r != nil {
		return named(r.answer(plain), session.app)
	}
	m := Message{
		Time: req.at, Robot: session.app.Name, Group: session.app.Name, Type: msgtype, Content: content,
		RemoteIP: req.ip.String(), Raw: json.RawMessage(req.body), To: []string{session.user.UserID},
	}
	ids := []string{session.user.UserID}
	if session.chat != nil {
		m.Group, m.To, ids = session.chat.Name, nil, session.chat.Members
	}
	m.Mentions = mention(people{s.membersOf(ids), "group"}, msgtype, content.Text, body["at"])
	a := named(legacyAnswer(0, "ok"), session.app)
	a.note.messageID = s.inbox.addMessage(m)
	return a
}

// membersOf looks people up for mentions.
func (s *Server) membersOf(ids []string) []Member {
	var out []Member
	for _, id := range ids {
		if u := s.directory.user(id); u != nil {
			out = append(out, Member{Name: u.Name, Mobile: u.Mobile, UserID: u.UserID})
		}
	}
	return out
}
