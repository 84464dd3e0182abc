package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	maxBotReceivers = 20
	maxRecall       = 20
	maxReadPage     = 200
	// sentLife is how long a sent message can be asked about and recalled.
	sentLife = 24 * time.Hour
)

// sentMessage is what a bot sent under one processQueryKey.
type sentMessage struct {
	key       string
	at        time.Time
	app       *appState
	chat      *Chat // nil for messages to people
	users     []string
	read      []string
	recalled  bool
	messageID int
}

func botCalls() []call {
	invalid := fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	content := params{need("robotCode", aText), need("msgKey", aText), need("msgParam", aText)}
	post := func(name, path string, do func(*Server, *appRequest) (any, *refusal), body ...param) endpoint {
		return endpoint{
			name: name, method: http.MethodPost, path: path, scope: "qyapi_robot_sendmsg",
			body: body, invalid: invalid, do: do,
		}
	}
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/the-robot-sends-a-group-message
		post("bot.group_send", "/v1.0/robot/groupMessages/send", (*Server).botGroupSend,
			append(content, may("openConversationId", aText), may("coolAppCode", aText), may("token", aText))...),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-queries-the-read-status-of-a-message
		post("bot.group_query", "/v1.0/robot/groupMessages/query", (*Server).botGroupQuery,
			need("processQueryKey", aText), may("openConversationId", aText), may("robotCode", aText),
			may("maxResults", anInt), may("nextToken", aText), may("token", aText)),
		// DingTalk docs: https://open.dingtalk.com/document/development/enterprise-chatbot-withdraws-internal-group-messages
		post("bot.group_recall", "/v1.0/robot/groupMessages/recall", (*Server).botGroupRecall,
			need("openConversationId", aText), need("robotCode", aText), need("processQueryKeys", texts)),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbots-send-one-on-one-chat-messages-in-batches
		post("bot.people_send", "/v1.0/robot/oToMessages/batchSend", (*Server).botPeopleSend,
			append(content, need("userIds", texts))...),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-batch-query-the-read-status-of-messages
		endpoint{
			name: "bot.people_query", method: http.MethodGet, path: "/v1.0/robot/oToMessages/readStatus", scope: "qyapi_robot_sendmsg",
			query: params{need("robotCode", aText), need("processQueryKey", aText)}, invalid: invalid, do: (*Server).botPeopleQuery,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-message-recall-chat
		post("bot.people_recall", "/v1.0/robot/otoMessages/batchRecall", (*Server).botPeopleRecall,
			need("robotCode", aText), need("processQueryKeys", texts)),
	)
}

// checkBot makes sure that the bot is the app's own.
func (s *Server) checkBot(req *appRequest) *refusal {
	code := req.text("robotCode")
	switch {
	case code == "":
		return fail(http.StatusBadRequest, "invalidParameter.robotCode.empty", "robotCode不能为空")
	case s.apps.byKey(code) == nil:
		return fail(http.StatusBadRequest, "resource.not.found", "错误描述: robot 不存在；解决方案:请确认 robotCode 是否正确；")
	case code != req.app.AppKey:
		return fail(http.StatusBadRequest, "invalidParameter.robotCode.auth", "应用无权使用该机器人")
	default:
		return nil
	}
}

// botChat finds the group that a bot writes to.
func (s *Server) botChat(req *appRequest) (*Chat, *refusal) {
	id := req.text("openConversationId")
	if id == "" {
		return nil, fail(http.StatusBadRequest, "miss.openConversationId", "缺少参数 openConversationId")
	}
	c := s.chats.byConversation(id)
	switch {
	case c == nil:
		return nil, fail(http.StatusBadRequest, "invalid.openConversationId", "openConversationId不合法")
	case c.Disbanded:
		return nil, fail(http.StatusBadRequest, "group.disbanded", "群已被解散")
	case !slices.Contains(c.Bots, req.app.AppKey):
		return nil, fail(http.StatusBadRequest, "resource.unavailable", "机器人不在群内")
	default:
		return c, nil
	}
}

func (s *Server) botGroupSend(req *appRequest) (any, *refusal) {
	if r := s.checkBot(req); r != nil {
		return nil, r
	}
	c, r := s.botChat(req)
	if r != nil {
		return nil, r
	}
	m, r := s.botMessage(req)
	if r != nil {
		return nil, r
	}
	m.Group = c.Name
	sent := s.keepSent(req, m, &sentMessage{chat: c, users: c.Members})
	return object{"processQueryKey": sent.key}, nil
}

// botMessage reads the message of a request.
func (s *Server) botMessage(req *appRequest) (Message, *refusal) {
	msgtype, content, r := readBotContent(req.text("msgKey"), req.text("msgParam"))
	return Message{Type: msgtype, Content: content, Raw: json.RawMessage(req.body)}, r
}

func (s *Server) keepSent(req *appRequest, m Message, sent *sentMessage) *sentMessage {
	m.Time, m.Robot, m.RemoteIP = req.at, req.app.Name, req.ip.String()
	sent.key, sent.at, sent.app = s.ids.key(), req.at, req.app
	m.Key = sent.key
	sent.messageID = s.inbox.addMessage(m)
	req.messageID = sent.messageID
	s.sent = last(append(s.sent, sent), s.inbox.keep)
	return sent
}

func (s *Server) botPeopleSend(req *appRequest) (any, *refusal) {
	if r := s.checkBot(req); r != nil {
		return nil, r
	}
	ids := req.texts("userIds")
	unknown := s.unknownUsers(ids)
	switch {
	case len(ids) == 0:
		return nil, fail(http.StatusBadRequest, "invalidParameter.userIds.empty", "userIds不能为空")
	case len(ids) > maxBotReceivers:
		return nil, fail(http.StatusBadRequest, "invalidParameter.userIds.overMax", "userIds超过最大数量")
	case len(unknown) == len(ids):
		return nil, fail(http.StatusBadRequest, "staffId.notExisted", "用户不存在")
	}
	m, r := s.botMessage(req)
	if r != nil {
		return nil, r
	}
	throttled := []string{}
	for _, id := range ids {
		u := s.directory.user(id)
		switch {
		case u == nil:
		case u.FlowControlled:
			throttled = append(throttled, id)
		default:
			m.To = append(m.To, id)
		}
	}
	m.Group = req.app.Name
	sent := s.keepSent(req, m, &sentMessage{users: m.To})
	return object{"processQueryKey": sent.key, "invalidStaffIdList": unknown, "flowControlledStaffIdList": throttled}, nil
}

// sentBy finds what the app sent under a key.
func (s *Server) sentBy(app *appState, key string) *sentMessage {
	return find(s.sent, func(m *sentMessage) bool { return m.key == key && m.app == app })
}

// askable finds a message that may still be asked about.
func (s *Server) askable(req *appRequest) (*sentMessage, *refusal) {
	m := s.sentBy(req.app, req.text("processQueryKey"))
	switch {
	case m == nil:
		return nil, fail(http.StatusBadRequest, "invalid.processQueryKey", "processQueryKey不合法")
	case req.at.Sub(m.at) > sentLife:
		return nil, fail(http.StatusBadRequest, "processQueryKey.expireTime", "processQueryKey已过期")
	default:
		return m, nil
	}
}

func (m *sentMessage) status() string {
	if m.recalled {
		return "RECALLED"
	}
	return "SUCCESS"
}

func (s *Server) botGroupQuery(req *appRequest) (any, *refusal) {
	size := req.intOr("maxResults", maxReadPage)
	if size < 1 || size > maxReadPage {
		return nil, fail(http.StatusBadRequest, "invalidParameter.pageSize.invalid", "maxResults不合法")
	}
	if !req.has("openConversationId") && !req.has("token") {
		return nil, fail(http.StatusBadRequest, "openConversationId.notExisted", "openConversationId不存在")
	}
	m, r := s.askable(req)
	if r != nil {
		return nil, r
	}
	ids, next, ok := page(m.read, req.text("nextToken"), size)
	if !ok {
		return nil, fail(http.StatusBadRequest, "invalidParameter.cursor.invalid", "nextToken不合法")
	}
	return object{"sendStatus": m.status(), "readUserIds": notNil(ids), "hasMore": next != "", "nextToken": next}, nil
}

func (s *Server) botPeopleQuery(req *appRequest) (any, *refusal) {
	if r := s.checkBot(req); r != nil {
		return nil, r
	}
	m, r := s.askable(req)
	if r != nil {
		return nil, r
	}
	list := []object{}
	for _, id := range m.users {
		status := "UNREAD"
		if slices.Contains(m.read, id) {
			status = "READ"
		}
		name := ""
		if u := s.directory.user(id); u != nil {
			name = u.Name
		}
		list = append(list, object{"userId": id, "name": name, "readStatus": status})
	}
	return object{"sendStatus": m.status(), "messageReadInfoList": list}, nil
}

func (s *Server) botGroupRecall(req *appRequest) (any, *refusal) {
	if r := s.checkBot(req); r != nil {
		return nil, r
	}
	c, r := s.botChat(req)
	if r != nil {
		return nil, r
	}
	return s.recall(req, c)
}

func (s *Server) botPeopleRecall(req *appRequest) (any, *refusal) {
	if r := s.checkBot(req); r != nil {
		return nil, r
	}
	return s.recall(req, nil)
}

// recall takes messages back that the app sent to the chat, or to people without one.
// DingTalk publishes no reasons for failedResult; the sandbox tells why in its own words.
func (s *Server) recall(req *appRequest, c *Chat) (any, *refusal) {
	keys := req.texts("processQueryKeys")
	if len(keys) > maxRecall {
		return nil, fail(http.StatusBadRequest, "invalidParameter.processQueryKeys.overMax", "processQueryKeys超过最大数量")
	}
	done, failed := []string{}, map[string]string{}
	for _, key := range keys {
		m := s.sentBy(req.app, key)
		switch {
		case m == nil || m.chat != c:
			return nil, fail(http.StatusBadRequest, "invalid.processQueryKey", "processQueryKey不合法")
		case req.at.Sub(m.at) > sentLife:
			return nil, fail(http.StatusBadRequest, "robot.processQueryKey.expired", "processQueryKey已过期")
		case m.recalled:
			failed[key] = "message already recalled"
		default:
			m.recalled = true
			s.inbox.change(m.messageID, func(m *Message) { m.Recalled = true })
			done = append(done, key)
		}
	}
	return object{"successResult": done, "failedResult": failed}, nil
}

// ReadMessage lets people read what a bot sent under a processQueryKey. The error
// wraps [ErrNotFound].
func (s *Server) ReadMessage(key string, userIDs ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := find(s.sent, func(m *sentMessage) bool { return m.key == key })
	if m == nil {
		return fmt.Errorf("read message %q: %w", key, ErrNotFound)
	}
	for _, id := range userIDs {
		if !slices.Contains(m.users, id) {
			return fmt.Errorf("read message %q: receiver %q %w", key, id, ErrNotFound)
		}
		if !slices.Contains(m.read, id) {
			m.read = append(m.read, id)
		}
	}
	return nil
}
