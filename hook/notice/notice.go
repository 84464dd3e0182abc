// Package notice sends work notices, tells what became of them and takes them back.
package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/hook"
)

// Limits of work notices.
const (
	// MaxUsers and MaxDepts are the receivers of one request.
	MaxUsers = 100
	MaxDepts = 20
	// MaxBytes bounds the JSON of the message.
	MaxBytes = 2048
	// MaxStatusBarUsers is how many may get an oa message with a status bar.
	MaxStatusBarUsers = 5
)

// The message types of work notices, as DingTalk spells them: other words and keys than
// those of a custom robot.
const (
	TypeText       = "text"
	TypeImage      = "image"
	TypeVoice      = "voice"
	TypeFile       = "file"
	TypeLink       = "link"
	TypeOA         = "oa"
	TypeMarkdown   = "markdown"
	TypeActionCard = "action_card"
)

// Types lists the message types of work notices.
func Types() []string {
	return []string{
		TypeText, TypeMarkdown, TypeLink, TypeActionCard, TypeOA, TypeImage, TypeVoice, TypeFile,
	}
}

// Notice is a work notice. It has one kind of receivers: users, departments or all.
type Notice struct {
	// AgentID is the app's; 0 means agent_id of the connection's extra.
	AgentID int64
	// UserIDs are userids, at most [MaxUsers] in one request; DeptIDs at most
	// [MaxDepts], with the departments below them.
	UserIDs []string
	DeptIDs []int64
	// ToAll sends to the whole organisation, which DingTalk takes three times a day.
	ToAll bool
	// Type is one of [Types]. Content is the object of that name, with
	// DingTalk's keys.
	Type    string
	Content map[string]any
}

// requiredFields are the fields that DingTalk insists on, those of action_card apart.
func requiredFields() map[string][]string {
	return map[string][]string{
		TypeText: {"content"}, TypeMarkdown: {"title", "text"}, TypeImage: {"media_id"}, TypeFile: {"media_id"},
		TypeVoice: {"media_id", "duration"}, TypeLink: {"messageUrl", "picUrl", "title", "text"},
		TypeOA: {"message_url", "head", "body"}, TypeActionCard: {"title", "markdown"},
	}
}

// CheckMessage reports what DingTalk would refuse in the message of a notice.
func (n Notice) CheckMessage() error {
	required, ok := requiredFields()[n.Type]
	if !ok {
		return fmt.Errorf("the message type %q is unknown; use one of %s", n.Type, strings.Join(Types(), ", "))
	}
	var errs []error
	for _, name := range required {
		if v, found := n.Content[name]; !found || v == "" {
			errs = append(errs, fmt.Errorf("a message of type %s needs %s", n.Type, name))
		}
	}
	errs = append(errs, n.checkLengths()...)
	if n.Type == TypeActionCard && n.Content["single_title"] == nil && n.Content["btn_json_list"] == nil {
		errs = append(errs, errors.New("a message of type action_card needs single_title and single_url, or btn_json_list"))
	}
	if n.Content["status_bar"] != nil && (len(n.UserIDs) == 0 || len(n.UserIDs) > MaxStatusBarUsers) {
		errs = append(errs, fmt.Errorf("a status_bar works for 1 to %d users only", MaxStatusBarUsers))
	}
	body, err := hook.EncodeBody(n.message())
	switch {
	case err != nil:
		errs = append(errs, err)
	case len(body) > MaxBytes:
		errs = append(errs, fmt.Errorf("the message has %d bytes as JSON; DingTalk accepts %d", len(body), MaxBytes))
	}
	return errors.Join(errs...)
}

// checkLengths checks the texts whose length DingTalk limits.
func (n Notice) checkLengths() []error {
	var errs []error
	limits := map[string]int{"single_title": 20, "single_url": 500}
	if n.Type == TypeMarkdown {
		limits["text"] = 5000
	}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		text, _ := n.Content[name].(string)
		if count := utf8.RuneCountInString(text); count > limits[name] {
			errs = append(errs, fmt.Errorf("%s has %d characters; DingTalk accepts %d", name, count, limits[name]))
		}
	}
	return errs
}

func (n Notice) message() map[string]any { return map[string]any{"msgtype": n.Type, n.Type: n.Content} }

// Sent names a notice that DingTalk took.
type Sent struct {
	TaskID    int64  `json:"task_id"`
	RequestID string `json:"request_id"`
}

// Send hands a work notice to DingTalk, which delivers it later:
// [GetProgress] and [GetResult] tell. Whom DingTalk leaves out for a limit
// or because the same content reached the person today already is only told there. A
// lost answer is an error of kind uncertain; sending the same again reaches nobody
// twice on the same day.
//
// DingTalk docs: https://open.dingtalk.com/document/development/asynchronous-sending-of-enterprise-session-messages
//
//dingtalk:api POST /topapi/message/corpconversation/asyncsend_v2
func Send(ctx context.Context, a *hook.App, n Notice) (*Sent, error) {
	const op = "send a work notice"
	if err := n.CheckMessage(); err != nil {
		return nil, a.Invalid(op, err)
	}
	agent, err := a.AgentID(ctx, n.AgentID)
	if err != nil {
		return nil, err
	}
	var got Sent
	err = a.Do(ctx, hook.Call{
		Op: op, Method: http.MethodPost, Path: "/topapi/message/corpconversation/asyncsend_v2",
		Body: struct {
			AgentID int64          `json:"agent_id"`
			Users   string         `json:"userid_list,omitempty"`
			Depts   string         `json:"dept_id_list,omitempty"`
			ToAll   bool           `json:"to_all_user,omitempty"`
			Message map[string]any `json:"msg"`
		}{agent, strings.Join(n.UserIDs, ","), hook.JoinIDs(n.DeptIDs), n.ToAll, n.message()},
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got, nil
}

// The states of a notice.
const (
	Waiting = 0
	Running = 1
	Done    = 2
)

// Progress tells how far the delivery of a notice is.
type Progress struct {
	Percent int `json:"progress_in_percent"`
	// Status is [Waiting], [Running] or [Done].
	Status int `json:"status"`
}

// noticeTask is the body of calls about a notice.
type noticeTask struct {
	AgentID int64 `json:"agent_id"`
	TaskID  int64 `json:"task_id"`
}

// GetProgress reads how far the delivery of a notice is, for 24 hours after it was
// sent. An agentID of 0 means that of the connection.
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-sending-progress-of-asynchronous-sending-of-enterprise-session
//
//dingtalk:api POST /topapi/message/corpconversation/getsendprogress
func GetProgress(ctx context.Context, a *hook.App, agentID, taskID int64) (*Progress, error) {
	agent, err := a.AgentID(ctx, agentID)
	if err != nil {
		return nil, err
	}
	var got struct {
		Progress Progress `json:"progress"`
	}
	err = a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get the progress of notice %d", taskID), Method: http.MethodPost,
		Path: "/topapi/message/corpconversation/getsendprogress", Body: noticeTask{agent, taskID}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Progress, nil
}

// Result tells who got a notice and who did not. Read and unread are those who
// got it.
type Result struct {
	InvalidUsers   []string    `json:"invalid_user_id_list"`
	ForbiddenUsers []string    `json:"forbidden_user_id_list"`
	FailedUsers    []string    `json:"failed_user_id_list"`
	ReadUsers      []string    `json:"read_user_id_list"`
	UnreadUsers    []string    `json:"unread_user_id_list"`
	InvalidDepts   []int64     `json:"invalid_dept_id_list"`
	Forbidden      []Forbidden `json:"forbidden_list"`
}

// Forbidden says which limit kept a notice from a person; Count is the limit.
type Forbidden struct {
	Code   string `json:"code"`
	Count  int    `json:"count"`
	UserID string `json:"userid"`
}

// Reason says in words why the person did not get the notice.
func (f Forbidden) Reason() string {
	switch f.Code {
	case "143103", "143203":
		return "the app sent to too many people in this minute"
	case "143104", "143204":
		return "the organisation sent to too many people in this minute"
	case "143105", "143205":
		return fmt.Sprintf("the person had the most notices of a day (%d)", f.Count)
	case "143106", "143206":
		return "the person got the same content today already: DingTalk drops the second one; put a time or a run id into it"
	}
	return "DingTalk's limit " + f.Code
}

// Duplicate reports whether the person got the same content on the same day before.
func (f Forbidden) Duplicate() bool { return f.Code == "143106" || f.Code == "143206" }

// Delivered lists who got the notice.
func (r *Result) Delivered() []string { return slices.Concat(r.ReadUsers, r.UnreadUsers) }

// Undelivered lists who did not get the notice, and why.
func (r *Result) Undelivered() []hook.Undelivered {
	var all []hook.Undelivered
	add := func(reason string, ids ...string) {
		for _, id := range ids {
			all = append(all, hook.Undelivered{UserID: id, Reason: reason})
		}
	}
	for _, f := range r.Forbidden {
		all = append(all, hook.Undelivered{UserID: f.UserID, Reason: f.Reason(), Code: f.Code})
	}
	for _, id := range r.ForbiddenUsers {
		if !slices.ContainsFunc(r.Forbidden, func(f Forbidden) bool { return f.UserID == id }) {
			add("DingTalk kept it back for a limit or as the same content of today", id)
		}
	}
	add("there is no such user, or the app may not see the person", r.InvalidUsers...)
	add("the delivery failed", r.FailedUsers...)
	return all
}

// GetResult reads who got a notice, once its status is [Done] and for 24 hours
// after it was sent. DingTalk tells that of at most 100 receivers. An agentID of 0 means
// that of the connection.
//
// DingTalk docs: https://open.dingtalk.com/document/development/gets-the-result-of-sending-messages-asynchronously-to-the-enterprise
//
//dingtalk:api POST /topapi/message/corpconversation/getsendresult
func GetResult(ctx context.Context, a *hook.App, agentID, taskID int64) (*Result, error) {
	agent, err := a.AgentID(ctx, agentID)
	if err != nil {
		return nil, err
	}
	var got struct {
		Result Result `json:"send_result"`
	}
	err = a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("get the result of notice %d", taskID), Method: http.MethodPost,
		Path: "/topapi/message/corpconversation/getsendresult", Body: noticeTask{agent, taskID}, Safe: true,
	}, &got)
	if err != nil {
		return nil, err
	}
	return &got.Result, nil
}

// Recall takes a notice back, within 24 hours after it was sent. An agentID of 0
// means that of the connection.
//
// DingTalk docs: https://open.dingtalk.com/document/development/notification-of-work-withdrawal
//
//dingtalk:api POST /topapi/message/corpconversation/recall
func Recall(ctx context.Context, a *hook.App, agentID, taskID int64) error {
	agent, err := a.AgentID(ctx, agentID)
	if err != nil {
		return err
	}
	return a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("recall notice %d", taskID), Method: http.MethodPost, Path: "/topapi/message/corpconversation/recall", Safe: true,
		Body: struct {
			AgentID int64 `json:"agent_id"`
			TaskID  int64 `json:"msg_task_id"`
		}{agent, taskID},
	}, nil)
}

// UpdateStatusBar changes the status bar of an oa notice that was sent with one,
// within 7 days. The background is 0xFF and six hexadecimal digits, or empty for none. An
// agentID of 0 means that of the connection.
//
// DingTalk docs: https://open.dingtalk.com/document/development/update-work-notification-status-bar
//
//dingtalk:api POST /topapi/message/corpconversation/status_bar/update
func UpdateStatusBar(ctx context.Context, a *hook.App, agentID, taskID int64, text, background string) error {
	agent, err := a.AgentID(ctx, agentID)
	if err != nil {
		return err
	}
	return a.Do(ctx, hook.Call{
		Op: fmt.Sprintf("update the status bar of notice %d", taskID), Method: http.MethodPost, Safe: true,
		Path: "/topapi/message/corpconversation/status_bar/update",
		Body: struct {
			noticeTask
			Text       string `json:"status_value"`
			Background string `json:"status_bg,omitempty"`
		}{noticeTask{agent, taskID}, text, background},
	}, nil)
}

var _ json.Marshaler = (*Result)(nil)

// MarshalJSON writes empty lists as such, where DingTalk leaves them out.
func (r *Result) MarshalJSON() ([]byte, error) {
	type plain Result
	p := plain(*r)
	for _, list := range []*[]string{&p.InvalidUsers, &p.ForbiddenUsers, &p.FailedUsers, &p.ReadUsers, &p.UnreadUsers} {
		if *list == nil {
			*list = []string{}
		}
	}
	if p.InvalidDepts == nil {
		p.InvalidDepts = []int64{}
	}
	if p.Forbidden == nil {
		p.Forbidden = []Forbidden{}
	}
	return json.Marshal(p)
}
