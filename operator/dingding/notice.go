package dingding

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/notice"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
)

// maxNoticeReceivers is how many people DingTalk takes a notice for at a time.
const maxNoticeReceivers = 5000

// agent is for operators of calls that need the app's AgentId.
type agent struct {
	// AgentID is the app's AgentId, which the developer console shows; by default
	// agent_id of the connection's extra.
	AgentID string `yaml:"agent_id" param:"default=0,template,digits"`
}

// SendWorkNotice sends a work notice to users, to departments or to the whole
// organisation.
//
// DingTalk only queues it. With wait: true the task ends when it is delivered and lists who
// got it; it fails when nobody did. DingTalk silently drops a notice for a person who already
// got the same content that day, or too many notices: the log and the result say so. Put a
// time or a run id into the text of a notice that is sent repeatedly.
//
// The result has message_data (a mapping with task_id, a whole number, and request_id, text)
// and task_ids (list of whole numbers: over 100 users are several notices). With wait: true it
// also has delivered (list of userids), undelivered (list of mappings with userid, reason, and
// code where DingTalk gives one) and, if DingTalk does not say which of a large number of
// people got it, note (text).
//
// DingTalk docs: https://open.dingtalk.com/document/development/asynchronous-sending-of-enterprise-session-messages
type SendWorkNotice struct {
	// UserIDs are the userids of the recipients, at most 5000.
	UserIDs []string `yaml:"user_ids" param:"commas,template,digits"`
	// DeptIDs are the ids of departments whose people get it, at most 20; those of
	// departments below do too.
	DeptIDs []string `yaml:"dept_ids" param:"commas,template,digits"`
	// ToAllUser sends to everybody, which DingTalk allows three times a day.
	ToAllUser bool `yaml:"to_all_user" param:"default=false"`
	// MsgType is the type of the message.
	MsgType string `yaml:"msg_type" param:"default=text,enum=text|markdown|link|action_card|oa|image|voice|file"`
	// Content is the text of a message of type text or markdown, at most 5000 characters.
	Content string `yaml:"content" param:"template"`
	// Title is the title of a markdown message.
	Title string `yaml:"title" param:"template"`
	// Message is the message of the other types, a mapping with DingTalk's keys: link has
	// title, text, messageUrl, picUrl; action_card title, markdown and single_title with
	// single_url or btn_json_list; oa message_url, head, body; image and file media_id;
	// voice media_id and duration.
	Message map[string]any `yaml:"message" param:"template"`
	// Wait waits until DingTalk has delivered the notice.
	Wait bool `yaml:"wait" param:"default=false"`
	// PollInterval is the time between two checks of the delivery.
	PollInterval time.Duration `yaml:"poll_interval" param:"default=2s,min=100ms"`
	// WaitTimeout is how long to wait. A notice that is not delivered by then fails the
	// task, and is still delivered.
	WaitTimeout time.Duration `yaml:"wait_timeout" param:"default=5m,min=1s"`

	agent
	appcall.Write
}

// SendWorkNoticeResult is the result of [SendWorkNotice].
type SendWorkNoticeResult struct {
	MessageData *notice.Sent       `json:"message_data"`
	TaskIDs     []int64            `json:"task_ids"`
	Delivered   []string           `json:"delivered,omitempty"`
	Undelivered []hook.Undelivered `json:"undelivered,omitempty"`
	Note        string             `json:"note,omitempty"`
}

var _ params.Validator = (*SendWorkNotice)(nil)

// Validate checks receivers and message.
func (o *SendWorkNotice) Validate() error {
	var c appcall.Checks
	kinds := 0
	for _, given := range []bool{len(o.UserIDs) > 0, len(o.DeptIDs) > 0, o.ToAllUser} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		c.Add("user_ids", errors.New("give one of user_ids, dept_ids and to_all_user"))
	}
	c.List("user_ids", o.UserIDs, 0, maxNoticeReceivers)
	c.List("dept_ids", o.DeptIDs, 0, notice.MaxDepts)
	c.IDs("dept_ids", o.DeptIDs)
	c.Number("agent_id", o.AgentID, 0)
	o.checkMessage(&c)
	return c.Err()
}

func (o *SendWorkNotice) checkMessage(c *appcall.Checks) {
	simple := o.MsgType == notice.TypeText || o.MsgType == notice.TypeMarkdown
	switch {
	case simple && o.Content != "" && o.Message != nil:
		c.Add("message", errors.New("excludes content: give one of the two"))
	case simple && o.Message == nil:
		c.Required("content", o.Content)
		if o.MsgType == notice.TypeMarkdown {
			c.Required("title", o.Title)
		}
	case !simple && o.Content != "":
		c.Add("content", fmt.Errorf("is for messages of type text and markdown; put the fields of %s into message", o.MsgType))
	}
	if c.Err() == nil && !robot.HoldsTemplate(o.message()) {
		field := "message"
		if o.Message == nil {
			field = "content"
		}
		c.Add(field, notice.Notice{UserIDs: o.UserIDs, Type: o.MsgType, Content: o.message()}.CheckMessage())
	}
}

// message is the object that DingTalk takes.
func (o *SendWorkNotice) message() map[string]any {
	switch {
	case o.Message != nil:
		return o.Message
	case o.MsgType == notice.TypeMarkdown:
		return map[string]any{"title": o.Title, "text": o.Content}
	}
	return map[string]any{"content": o.Content}
}

// Execute sends the notice and returns a [SendWorkNoticeResult].
func (o *SendWorkNotice) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SendWorkNoticeResult, error) {
		result, err := o.send(ctx, a)
		if err != nil || !o.Wait {
			return result, err
		}
		err = o.await(ctx, tc, a, result)
		return result, err
	})
}

// send hands the notice to DingTalk, in several requests for more users than one takes.
func (o *SendWorkNotice) send(ctx context.Context, a *hook.App) (*SendWorkNoticeResult, error) {
	var c appcall.Checks // Validate has found no mistakes
	n := notice.Notice{
		AgentID: c.Number("agent_id", o.AgentID, 0), DeptIDs: c.IDs("dept_ids", o.DeptIDs), ToAll: o.ToAllUser,
		Type: o.MsgType, Content: o.message(),
	}
	parts := slices.Collect(slices.Chunk(o.UserIDs, notice.MaxUsers))
	if len(parts) == 0 {
		parts = [][]string{nil}
	}
	result := &SendWorkNoticeResult{}
	for i, users := range parts {
		n.UserIDs = users
		sent, err := notice.Send(ctx, a, n)
		if e, ok := errors.AsType[*hook.Error](err); ok {
			e.Sent, e.Parts = i, len(parts)
		}
		if err != nil {
			return nil, err
		}
		result.TaskIDs = append(result.TaskIDs, sent.TaskID)
		if result.MessageData == nil {
			result.MessageData = sent
		}
	}
	return result, nil
}

// errNotInTime is what ends the waiting for a delivery.
var errNotInTime = errors.New("wait_timeout has passed")

// await waits for the delivery and puts into the result who got the notice.
func (o *SendWorkNotice) await(ctx context.Context, tc *operator.TaskContext, a *hook.App, result *SendWorkNoticeResult) error {
	var c appcall.Checks // Validate has found no mistakes
	agentID := c.Number("agent_id", o.AgentID, 0)
	limited, cancel := context.WithTimeoutCause(ctx, o.WaitTimeout, errNotInTime)
	defer cancel()
	for _, id := range result.TaskIDs {
		if err := o.awaitDone(limited, tc, a, agentID, id); err != nil {
			if ctx.Err() == nil && errors.Is(context.Cause(limited), errNotInTime) {
				return operator.Fail(fmt.Errorf("work notice %d was accepted but not delivered within %s; "+
					"dingtalk_get_message_status shows what becomes of it", id, o.WaitTimeout))
			}
			return asSent(id, err)
		}
		got, err := notice.GetResult(ctx, a, agentID, id)
		if e, ok := errors.AsType[*hook.Error](err); ok && len(o.UserIDs) == 0 && e.Retryable() {
			result.Note = "DingTalk has delivered the notice and does not say who got it, as is usual for more than 100 recipients"
			tc.Log.LogAttrs(ctx, slog.LevelWarn, "work notice", slog.Int64("task_id", id), slog.String("note", result.Note))
			continue
		}
		if err != nil {
			return asSent(id, err)
		}
		result.Delivered = append(result.Delivered, got.Delivered()...)
		result.Undelivered = append(result.Undelivered, got.Undelivered()...)
	}
	return reportUndelivered(ctx, tc, "the work notice", len(result.Delivered)+len(result.Note), result.Undelivered)
}

// awaitDone waits until DingTalk is done with one notice.
func (o *SendWorkNotice) awaitDone(ctx context.Context, tc *operator.TaskContext, a *hook.App, agentID, id int64) error {
	for {
		progress, err := notice.GetProgress(ctx, a, agentID, id)
		if err != nil || progress.Status == notice.Done {
			return err
		}
		tc.Log.LogAttrs(ctx, slog.LevelInfo, "work notice", slog.Int64("task_id", id), slog.Int("percent", progress.Percent))
		timer := time.NewTimer(o.PollInterval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// asSent keeps a task from being tried again after the notice was taken: the second one
// would be another notice, or one that DingTalk drops.
func asSent(id int64, err error) error {
	return operator.Fail(fmt.Errorf("work notice %d was taken, but who got it is unknown: %w", id, err))
}

// reportUndelivered logs who did not get a message, and is an error when nobody did.
func reportUndelivered(ctx context.Context, tc *operator.TaskContext, what string, delivered int, undelivered []hook.Undelivered) error {
	reasons := map[string]int{}
	for _, u := range undelivered {
		tc.Log.LogAttrs(ctx, slog.LevelWarn, "not delivered", slog.String("userid", u.UserID), slog.String("reason", u.Reason))
		reasons[u.Reason]++
	}
	if delivered > 0 || len(undelivered) == 0 {
		return nil
	}
	err := fmt.Errorf("%s reached nobody", what)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		err = fmt.Errorf("%w; %d receivers: %s", err, reasons[reason], reason)
	}
	return operator.Fail(err)
}

// GetMessageStatus reports how far the delivery of a work notice is and, once it is done, who
// got it. DingTalk keeps this for 24 hours.
//
// The result has message_status: a mapping with progress (a mapping with
// progress_in_percent and status: 0 waiting, 1 running, 2 done) and, when done,
// send_result (DingTalk's lists of userids: read_user_id_list, unread_user_id_list,
// invalid_user_id_list, forbidden_user_id_list, failed_user_id_list, and
// forbidden_list with codes), delivered (list of userids) and undelivered (list of
// mappings with userid, reason and code).
//
// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-sending-progress-of-asynchronous-sending-of-enterprise-session
type GetMessageStatus struct {
	// MsgTaskID is the task_id that sending returned.
	MsgTaskID string `yaml:"msg_task_id" param:"required,template,digits"`

	agent
	appcall.App
}

// GetMessageStatusResult is the result of [GetMessageStatus].
type GetMessageStatusResult struct {
	MessageStatus MessageStatus `json:"message_status"`
}

// MessageStatus is what DingTalk tells about a work notice.
type MessageStatus struct {
	Progress    *notice.Progress   `json:"progress"`
	SendResult  *notice.Result     `json:"send_result,omitempty"`
	Delivered   []string           `json:"delivered,omitempty"`
	Undelivered []hook.Undelivered `json:"undelivered,omitempty"`
}

// Validate checks the ids.
func (o *GetMessageStatus) Validate() error {
	var c appcall.Checks
	c.Number("msg_task_id", o.MsgTaskID, 1)
	c.Number("agent_id", o.AgentID, 0)
	return c.Err()
}

// Execute reads the status and returns a [GetMessageStatusResult].
func (o *GetMessageStatus) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetMessageStatusResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		agentID, taskID := c.Number("agent_id", o.AgentID, 0), c.Number("msg_task_id", o.MsgTaskID, 1)
		progress, err := notice.GetProgress(ctx, a, agentID, taskID)
		if err != nil {
			return nil, err
		}
		status := MessageStatus{Progress: progress}
		if progress.Status == notice.Done {
			if status.SendResult, err = notice.GetResult(ctx, a, agentID, taskID); err != nil {
				return nil, err
			}
			status.Delivered, status.Undelivered = status.SendResult.Delivered(), status.SendResult.Undelivered()
		}
		return &GetMessageStatusResult{status}, nil
	})
}

// RecallMessage recalls a work notice within 24 hours after it was sent.
//
// The result has recall_result (boolean), which is true: otherwise the task fails.
//
// DingTalk docs: https://open.dingtalk.com/document/development/notification-of-work-withdrawal
type RecallMessage struct {
	// MsgTaskID is the task_id that sending returned.
	MsgTaskID string `yaml:"msg_task_id" param:"required,template,digits"`

	agent
	appcall.App
}

// RecallMessageResult is the result of [RecallMessage].
type RecallMessageResult struct {
	RecallResult bool `json:"recall_result"`
}

// Validate checks the ids.
func (o *RecallMessage) Validate() error {
	var c appcall.Checks
	c.Number("msg_task_id", o.MsgTaskID, 1)
	c.Number("agent_id", o.AgentID, 0)
	return c.Err()
}

// Execute recalls the notice and returns a [RecallMessageResult].
func (o *RecallMessage) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*RecallMessageResult, error) {
		var c appcall.Checks // Validate has found no mistakes
		err := notice.Recall(ctx, a, c.Number("agent_id", o.AgentID, 0), c.Number("msg_task_id", o.MsgTaskID, 1))
		return &RecallMessageResult{err == nil}, err
	})
}

func noticeSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[SendWorkNotice](p, "dingtalk_send_work_notice", operator.Example("A report for two people", `
agent_id: 1234567890
user_ids: u001, u002
msg_type: markdown
title: Report
content: "# Report\n* all green 2025-10-09 08:00"
`), operator.Example("A card for a department, until it is delivered", `
dept_ids: [2]
msg_type: action_card
message:
  title: Release
  markdown: "### Release 1.2 is ready"
  single_title: Open
  single_url: https://example.com/releases/1.2
wait: true
`)),
		appcall.Define[GetMessageStatus](p, "dingtalk_get_message_status", operator.Example("Of a notice that another task sent", `
agent_id: 1234567890
msg_task_id: 256271667526
`), operator.RenamedParams(map[string]string{"task_id": "msg_task_id"})),
		appcall.Define[RecallMessage](p, "dingtalk_recall_message", operator.Example("Of a notice that another task sent", `
agent_id: 1234567890
msg_task_id: 256271667526
`)),
	}
}
