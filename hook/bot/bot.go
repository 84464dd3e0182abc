// Package bot sends messages of an app's bot to groups and people, and DINGs, tells who has
// read them, and takes them back.
package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dingdag/dingdag/hook"
)

// Limits of messages of an app's bot.
const (
	// MaxUsers is how many people one request sends to.
	MaxUsers = 20
	// MaxParamBytes bounds the JSON text of a template's fields.
	MaxParamBytes = 15000
	// MaxRecallKeys is how many messages one request recalls.
	MaxRecallKeys = 20
	// MaxReadersPage is the greatest page of readers of a group message.
	MaxReadersPage = 200
)

// Templates lists the message templates of bots, each with the fields that it needs,
// then those it may have. All values are text. Of sampleVideo, height and width are
// optional.
func Templates() map[string][]string {
	templates := map[string][]string{
		"sampleText":        {"content"},
		"sampleMarkdown":    {"title", "text"},
		"sampleImageMsg":    {"photoURL"},
		"sampleLink":        {"title", "text", "picUrl", "messageUrl"},
		"sampleActionCard":  {"title", "text", "singleTitle", "singleURL"},
		"sampleActionCard6": {"title", "text", "buttonTitle1", "buttonUrl1", "buttonTitle2", "buttonUrl2"},
		"sampleAudio":       {"mediaId", "duration"},
		"sampleFile":        {"mediaId", "fileName", "fileType"},
		"sampleVideo":       {"duration", "videoMediaId", "videoType", "picMediaId", "height", "width"},
	}
	fields := []string{"title", "text"}
	for i := 1; i <= 5; i++ {
		fields = append(fields, fmt.Sprintf("actionTitle%d", i), fmt.Sprintf("actionURL%d", i))
		if i > 1 {
			templates[fmt.Sprintf("sampleActionCard%d", i)] = slices.Clone(fields)
		}
	}
	return templates
}

// Message is a message of an app's bot: a template and its fields.
type Message struct {
	// RobotCode is the bot's; empty means that of [hook.App.RobotCode].
	RobotCode string
	// Key is one of [Templates], or the key of a template of the organisation.
	Key   string
	Param map[string]string
	// CoolAppCode is required if the bot joined the group with a group application.
	CoolAppCode string
}

// Check reports what DingTalk would refuse in the message. Fields of templates that it
// does not know are not checked.
func (m Message) Check() error {
	var errs []error
	if fields, known := Templates()[m.Key]; known {
		for _, name := range fields {
			if m.Param[name] == "" && name != "height" && name != "width" && name != "picUrl" {
				errs = append(errs, fmt.Errorf("a message %s needs %s", m.Key, name))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(m.Param)) {
			if !slices.Contains(fields, name) {
				errs = append(errs, fmt.Errorf("a message %s has no %s; its fields are %s", m.Key, name, strings.Join(fields, ", ")))
			}
		}
	} else if strings.HasPrefix(m.Key, "sample") {
		known := slices.Sorted(maps.Keys(Templates()))
		errs = append(errs, fmt.Errorf("the template %q is unknown; DingTalk has %s", m.Key, strings.Join(known, ", ")))
	}
	if n := len(m.param()); n > MaxParamBytes {
		errs = append(errs, fmt.Errorf("the fields have %d bytes as JSON; DingTalk accepts %d", n, MaxParamBytes))
	}
	return errors.Join(errs...)
}

// param is the fields as the JSON text that goes into the request.
func (m Message) param() string {
	body, err := hook.EncodeBody(m.Param)
	if err != nil || m.Param == nil {
		return "{}" // a map of text always encodes
	}
	return string(body)
}

// botSend is the body of a message: to a group or to people.
type botSend struct {
	RobotCode          string   `json:"robotCode"`
	OpenConversationID string   `json:"openConversationId,omitempty"`
	UserIDs            []string `json:"userIds,omitempty"`
	Key                string   `json:"msgKey"`
	Param              string   `json:"msgParam"`
	CoolAppCode        string   `json:"coolAppCode,omitempty"`
}

// SendToGroup posts a message from the app's bot into a group chat that the bot is in.
// Nobody can be mentioned this way; see [hook.App.Reply]. It returns the processQueryKey that
// [GetGroupReads] and [RecallFromGroup] take. A lost answer is an error of kind
// uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/the-robot-sends-a-group-message
//
//dingtalk:api POST /v1.0/robot/groupMessages/send
func SendToGroup(ctx context.Context, a *hook.App, openConversationID string, m Message) (string, error) {
	const op = "send a bot message to a group"
	if err := m.Check(); err != nil {
		return "", a.Invalid(op, err)
	}
	code, err := a.BotCode(ctx, m.RobotCode)
	if err != nil {
		return "", err
	}
	var got struct {
		Key string `json:"processQueryKey"`
	}
	err = a.Do(ctx, hook.Call{
		Op: op, API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/robot/groupMessages/send",
		Body: botSend{RobotCode: code, OpenConversationID: openConversationID, Key: m.Key, Param: m.param(), CoolAppCode: m.CoolAppCode},
	}, &got)
	return got.Key, err
}

// SentToUsers tells what became of a message to people: those in the lists did not get
// it, as there is no such user, as they got too much, or for another rule.
type SentToUsers struct {
	ProcessQueryKey string   `json:"processQueryKey"`
	Invalid         []string `json:"invalidStaffIdList"`
	FlowControlled  []string `json:"flowControlledStaffIdList"`
	Filtered        []string `json:"filteredStaffIdList,omitempty"`
}

// Undelivered lists who did not get the message, and why.
func (s *SentToUsers) Undelivered() []hook.Undelivered {
	var all []hook.Undelivered
	for reason, ids := range map[string][]string{
		"there is no such user":                 s.Invalid,
		"the person got too many messages":      s.FlowControlled,
		"a rule of the organisation filters it": s.Filtered,
	} {
		for _, id := range ids {
			all = append(all, hook.Undelivered{UserID: id, Reason: reason})
		}
	}
	slices.SortFunc(all, func(a, b hook.Undelivered) int { return strings.Compare(a.UserID, b.UserID) })
	return all
}

// SendToUsers sends a message from the app's bot to up to [MaxUsers] people, each in
// a chat of their own. The call succeeds for those who can get it; see
// [SentToUsers.Undelivered]. A lost answer is an error of kind uncertain.
//
// DingTalk docs: https://open.dingtalk.com/document/development/chatbots-send-one-on-one-chat-messages-in-batches
//
//dingtalk:api POST /v1.0/robot/oToMessages/batchSend
func SendToUsers(ctx context.Context, a *hook.App, userIDs []string, m Message) (*SentToUsers, error) {
	const op = "send a bot message to users"
	if err := m.Check(); err != nil {
		return nil, a.Invalid(op, err)
	}
	code, err := a.BotCode(ctx, m.RobotCode)
	if err != nil {
		return nil, err
	}
	var got SentToUsers
	err = a.Do(ctx, hook.Call{
		Op: op, API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/robot/oToMessages/batchSend",
		Body: botSend{RobotCode: code, UserIDs: userIDs, Key: m.Key, Param: m.param()},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// UserReads tells who has read a message to people. SendStatus is SUCCESS, RECALLED or
// PROCESSING.
type UserReads struct {
	SendStatus string     `json:"sendStatus"`
	Reads      []UserRead `json:"messageReadInfoList"`
}

// UserRead tells whether one person has read a message: READ or UNREAD.
type UserRead struct {
	UserID     string `json:"userId"`
	Name       string `json:"name"`
	ReadStatus string `json:"readStatus"`
}

// GetUserReads reads who has read a message to people, within 24 hours. An empty robotCode
// means that of the app.
//
// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-batch-query-the-read-status-of-messages
//
//dingtalk:api GET /v1.0/robot/oToMessages/readStatus
func GetUserReads(ctx context.Context, a *hook.App, robotCode, key string) (*UserReads, error) {
	code, err := a.BotCode(ctx, robotCode)
	if err != nil {
		return nil, err
	}
	var got UserReads
	err = a.Do(ctx, hook.Call{
		Op: "get who read a bot message", API: hook.NewAPI, Method: http.MethodGet, Path: "/v1.0/robot/oToMessages/readStatus",
		Query: url.Values{"robotCode": {code}, "processQueryKey": {key}}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// GroupReadsQuery says whose reading to look up. Size is 1 to [MaxReadersPage] and 0 for
// that; NextToken is empty for the first page.
type GroupReadsQuery struct {
	RobotCode, OpenConversationID, Key string
	Size                               int
	NextToken                          string
}

// GroupReads is one page of who has read a group message. SendStatus is SUCCESS,
// RECALLED or PROCESSING.
type GroupReads struct {
	SendStatus  string   `json:"sendStatus"`
	ReadUserIDs []string `json:"readUserIds"`
	HasMore     bool     `json:"hasMore"`
	NextToken   string   `json:"nextToken"`
}

// GetGroupReads reads a page of who has read a group message, within 24 hours.
//
// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-queries-the-read-status-of-a-message
//
//dingtalk:api POST /v1.0/robot/groupMessages/query
func GetGroupReads(ctx context.Context, a *hook.App, q GroupReadsQuery) (*GroupReads, error) {
	code, err := a.BotCode(ctx, q.RobotCode)
	if err != nil {
		return nil, err
	}
	size := q.Size
	if size == 0 {
		size = MaxReadersPage
	}
	var got GroupReads
	err = a.Do(ctx, hook.Call{
		Op: "get who read a group message", API: hook.NewAPI, Method: http.MethodPost, Path: "/v1.0/robot/groupMessages/query", Safe: true,
		Body: struct {
			OpenConversationID string `json:"openConversationId"`
			RobotCode          string `json:"robotCode"`
			Key                string `json:"processQueryKey"`
			MaxResults         int    `json:"maxResults"`
			NextToken          string `json:"nextToken,omitempty"`
		}{q.OpenConversationID, code, q.Key, size, q.NextToken},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// Recalled tells which messages were recalled; Failed has the reason for each other one.
type Recalled struct {
	Success []string          `json:"successResult"`
	Failed  map[string]string `json:"failedResult"`
}

// recallBody is the body of both recalls.
type recallBody struct {
	OpenConversationID string   `json:"openConversationId,omitempty"`
	RobotCode          string   `json:"robotCode"`
	Keys               []string `json:"processQueryKeys"`
}

// RecallFromUsers takes up to [MaxRecallKeys] messages to people back, within 24 hours.
// An empty robotCode means that of the app.
//
// DingTalk docs: https://open.dingtalk.com/document/development/batch-message-recall-chat
//
//dingtalk:api POST /v1.0/robot/otoMessages/batchRecall
func RecallFromUsers(ctx context.Context, a *hook.App, robotCode string, keys []string) (*Recalled, error) {
	return recall(ctx, a, "/v1.0/robot/otoMessages/batchRecall", recallBody{RobotCode: robotCode, Keys: keys})
}

// RecallFromGroup takes up to [MaxRecallKeys] messages to a group back. Members see no
// hint of it. An empty robotCode means that of the app.
//
// DingTalk docs: https://open.dingtalk.com/document/development/enterprise-chatbot-withdraws-internal-group-messages
//
//dingtalk:api POST /v1.0/robot/groupMessages/recall
func RecallFromGroup(ctx context.Context, a *hook.App, robotCode, openConversationID string, keys []string) (*Recalled, error) {
	return recall(ctx, a, "/v1.0/robot/groupMessages/recall", recallBody{openConversationID, robotCode, keys})
}

func recall(ctx context.Context, a *hook.App, path string, r recallBody) (*Recalled, error) {
	var err error
	if r.RobotCode, err = a.BotCode(ctx, r.RobotCode); err != nil {
		return nil, err
	}
	var got Recalled
	if err := a.Do(ctx, hook.Call{Op: "recall bot messages", API: hook.NewAPI, Method: http.MethodPost, Path: path, Body: r, Safe: true}, &got); err != nil {
		return nil, err
	}
	return &got, nil
}

var _ json.Marshaler = (*SentToUsers)(nil)

// MarshalJSON writes empty lists as such, where DingTalk leaves them out.
func (s *SentToUsers) MarshalJSON() ([]byte, error) {
	type plain SentToUsers
	p := plain(*s)
	for _, list := range []*[]string{&p.Invalid, &p.FlowControlled} {
		if *list == nil {
			*list = []string{}
		}
	}
	return json.Marshal(p)
}
