// Package bot is the bots of apps: what they send to groups and to people under a
// template, who has read it, and taking it back.
package bot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
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
	app       *core.App
	chat      *core.Chat // nil for messages to people
	users     []string
	read      []string
	recalled  bool
	messageID int
}

// Service answers the calls of bots.
type Service struct {
	core *core.Core
	sent []*sentMessage
}

// New adds the calls and routes of bots to a core, whose Groups they write to.
func New(c *core.Core) *Service {
	s := &Service{core: c}
	c.ServeEndpoints(s.botCalls()...)
	c.API("POST /sandbox/api/messages/read", core.APIAdd(func(r readers) (any, error) {
		return core.Object{}, s.ReadMessage(r.Key, r.Users...)
	}))
	return s
}

// readers names who reads what a bot sent under a processQueryKey.
type readers struct {
	Key   string   `json:"key"`
	Users []string `json:"users"`
}

func (s *Service) botCalls() []core.Endpoint {
	invalid := core.InvalidBotParam()
	content := core.Params{core.Need("robotCode", core.AText), core.Need("msgKey", core.AText), core.Need("msgParam", core.AText)}
	post := func(name, path string, do func(*core.AppRequest) (any, *core.Refusal), body ...core.Param) core.Endpoint {
		return core.Endpoint{
			Name: name, Method: http.MethodPost, Path: path, Scope: "qyapi_robot_sendmsg",
			Body: body, Invalid: invalid, Do: do,
		}
	}
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/the-robot-sends-a-group-message
		post("bot.group_send", "/v1.0/robot/groupMessages/send", s.botGroupSend,
			append(content, core.May("openConversationId", core.AText), core.May("coolAppCode", core.AText), core.May("token", core.AText))...),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-queries-the-read-status-of-a-message
		post("bot.group_query", "/v1.0/robot/groupMessages/query", s.botGroupQuery,
			core.Need("processQueryKey", core.AText), core.May("openConversationId", core.AText), core.May("robotCode", core.AText),
			core.May("maxResults", core.AnInt), core.May("nextToken", core.AText), core.May("token", core.AText)),
		// DingTalk docs: https://open.dingtalk.com/document/development/enterprise-chatbot-withdraws-internal-group-messages
		post("bot.group_recall", "/v1.0/robot/groupMessages/recall", s.botGroupRecall,
			core.Need("openConversationId", core.AText), core.Need("robotCode", core.AText), core.Need("processQueryKeys", core.Texts)),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbots-send-one-on-one-chat-messages-in-batches
		post("bot.people_send", "/v1.0/robot/oToMessages/batchSend", s.botPeopleSend,
			append(content, core.Need("userIds", core.Texts))...),
		// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-batch-query-the-read-status-of-messages
		{
			Name: "bot.people_query", Method: http.MethodGet, Path: "/v1.0/robot/oToMessages/readStatus", Scope: "qyapi_robot_sendmsg",
			Query: core.Params{core.Need("robotCode", core.AText), core.Need("processQueryKey", core.AText)}, Invalid: invalid, Do: s.botPeopleQuery,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/batch-message-recall-chat
		post("bot.people_recall", "/v1.0/robot/otoMessages/batchRecall", s.botPeopleRecall,
			core.Need("robotCode", core.AText), core.Need("processQueryKeys", core.Texts)),
	}
}

// botChat finds the group that a bot writes to.
func (s *Service) botChat(req *core.AppRequest) (*core.Chat, *core.Refusal) {
	id := req.Text("openConversationId")
	if id == "" {
		return nil, core.Fail(http.StatusBadRequest, "miss.openConversationId", "缺少参数 openConversationId")
	}
	c := s.core.Groups.ByConversation(id)
	switch {
	case c == nil:
		return nil, core.Fail(http.StatusBadRequest, "invalid.openConversationId", "openConversationId不合法")
	case c.Disbanded:
		return nil, core.Fail(http.StatusBadRequest, "group.disbanded", "群已被解散")
	case !slices.Contains(c.Bots, req.App.AppKey):
		return nil, core.Fail(http.StatusBadRequest, "resource.unavailable", "机器人不在群内")
	default:
		return c, nil
	}
}

func (s *Service) botGroupSend(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
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
	m.Group, m.Conversation = c.Name, c.OpenConversationID
	sent := s.keepSent(req, m, &sentMessage{chat: c, users: c.Members})
	return core.Object{"processQueryKey": sent.key}, nil
}

// botMessage reads the message of a request.
func (s *Service) botMessage(req *core.AppRequest) (core.Message, *core.Refusal) {
	msgtype, content, r := readBotContent(req.Text("msgKey"), req.Text("msgParam"))
	return core.Message{Type: msgtype, Content: content, Raw: json.RawMessage(req.Raw)}, r
}

func (s *Service) keepSent(req *core.AppRequest, m core.Message, sent *sentMessage) *sentMessage {
	m.Time, m.Robot, m.RemoteIP = req.At, req.App.Name, req.IP.String()
	sent.key, sent.at, sent.app = s.core.QueryKey(), req.At, req.App
	m.Key = sent.key
	sent.messageID = s.core.AddMessage(m)
	req.MessageID = sent.messageID
	s.sent = core.Last(append(s.sent, sent), s.core.Keep())
	return sent
}

func (s *Service) botPeopleSend(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
		return nil, r
	}
	ids := req.Texts("userIds")
	unknown := s.core.People.Unknown(ids)
	switch {
	case len(ids) == 0:
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.userIds.empty", "userIds不能为空")
	case len(ids) > maxBotReceivers:
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.userIds.overMax", "userIds超过最大数量")
	case len(unknown) == len(ids):
		return nil, core.Fail(http.StatusBadRequest, "staffId.notExisted", "用户不存在")
	}
	m, r := s.botMessage(req)
	if r != nil {
		return nil, r
	}
	throttled := []string{}
	for _, id := range ids {
		u := s.core.People.User(id)
		switch {
		case u == nil:
		case u.FlowControlled:
			throttled = append(throttled, id)
		default:
			m.To = append(m.To, id)
		}
	}
	m.Group = req.App.Name
	if len(m.To) == 1 {
		m.Conversation = core.OneToOne(req.App, m.To[0])
	}
	sent := s.keepSent(req, m, &sentMessage{users: m.To})
	return core.Object{"processQueryKey": sent.key, "invalidStaffIdList": unknown, "flowControlledStaffIdList": throttled}, nil
}

// sentBy finds what the app sent under a key.
func (s *Service) sentBy(app *core.App, key string) *sentMessage {
	return core.Find(s.sent, func(m *sentMessage) bool { return m.key == key && m.app == app })
}

// askable finds a message that may still be asked about.
func (s *Service) askable(req *core.AppRequest) (*sentMessage, *core.Refusal) {
	m := s.sentBy(req.App, req.Text("processQueryKey"))
	switch {
	case m == nil:
		return nil, core.Fail(http.StatusBadRequest, "invalid.processQueryKey", "processQueryKey不合法")
	case req.At.Sub(m.at) > sentLife:
		return nil, core.Fail(http.StatusBadRequest, "processQueryKey.expireTime", "processQueryKey已过期")
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

func (s *Service) botGroupQuery(req *core.AppRequest) (any, *core.Refusal) {
	size := req.IntOr("maxResults", maxReadPage)
	if size < 1 || size > maxReadPage {
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.pageSize.invalid", "maxResults不合法")
	}
	if !req.Has("openConversationId") && !req.Has("token") {
		return nil, core.Fail(http.StatusBadRequest, "openConversationId.notExisted", "openConversationId不存在")
	}
	m, r := s.askable(req)
	if r != nil {
		return nil, r
	}
	ids, next, ok := core.Page(m.read, req.Text("nextToken"), size)
	if !ok {
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.cursor.invalid", "nextToken不合法")
	}
	return core.Object{"sendStatus": m.status(), "readUserIds": core.NotNil(ids), "hasMore": next != "", "nextToken": next}, nil
}

func (s *Service) botPeopleQuery(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
		return nil, r
	}
	m, r := s.askable(req)
	if r != nil {
		return nil, r
	}
	list := []core.Object{}
	for _, id := range m.users {
		status := "UNREAD"
		if slices.Contains(m.read, id) {
			status = "READ"
		}
		name := ""
		if u := s.core.People.User(id); u != nil {
			name = u.Name
		}
		list = append(list, core.Object{"userId": id, "name": name, "readStatus": status})
	}
	return core.Object{"sendStatus": m.status(), "messageReadInfoList": list}, nil
}

func (s *Service) botGroupRecall(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
		return nil, r
	}
	c, r := s.botChat(req)
	if r != nil {
		return nil, r
	}
	return s.recall(req, c)
}

func (s *Service) botPeopleRecall(req *core.AppRequest) (any, *core.Refusal) {
	if r := s.core.OwnBot(req); r != nil {
		return nil, r
	}
	return s.recall(req, nil)
}

// recall takes messages back that the app sent to the chat, or to people without one.
// DingTalk publishes no reasons for failedResult; the sandbox tells why in its own words.
func (s *Service) recall(req *core.AppRequest, c *core.Chat) (any, *core.Refusal) {
	keys := req.Texts("processQueryKeys")
	if len(keys) > maxRecall {
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.processQueryKeys.overMax", "processQueryKeys超过最大数量")
	}
	done, failed := []string{}, map[string]string{}
	for _, key := range keys {
		m := s.sentBy(req.App, key)
		switch {
		case m == nil || m.chat != c:
			return nil, core.Fail(http.StatusBadRequest, "invalid.processQueryKey", "processQueryKey不合法")
		case req.At.Sub(m.at) > sentLife:
			return nil, core.Fail(http.StatusBadRequest, "robot.processQueryKey.expired", "processQueryKey已过期")
		case m.recalled:
			failed[key] = "message already recalled"
		default:
			m.recalled = true
			s.core.ChangeMessage(m.messageID, func(m *core.Message) { m.Recalled = true })
			done = append(done, key)
		}
	}
	return core.Object{"successResult": done, "failedResult": failed}, nil
}

// ReadMessage lets people read what a bot sent under a processQueryKey. The error
// wraps [ErrNotFound].
func (s *Service) ReadMessage(key string, userIDs ...string) error {
	s.core.Lock()
	defer s.core.Unlock()
	m := core.Find(s.sent, func(m *sentMessage) bool { return m.key == key })
	if m == nil {
		return fmt.Errorf("read message %q: %w", key, core.ErrNotFound)
	}
	for _, id := range userIDs {
		if !slices.Contains(m.users, id) {
			return fmt.Errorf("read message %q: receiver %q %w", key, id, core.ErrNotFound)
		}
		if !slices.Contains(m.read, id) {
			m.read = append(m.read, id)
		}
	}
	return nil
}
