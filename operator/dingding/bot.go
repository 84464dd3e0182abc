package dingding

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/bot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding/internal/appcall"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/yamlvalue"
)

// maxBotReceivers is how many people one task sends a bot message to, in requests of
// twenty.
const maxBotReceivers = 1000

// sender is for operators of calls that an app's bot makes.
type sender struct {
	// RobotCode is the bot's code; by default robot_code of the connection's extra, or
	// the AppKey, which it equals for bots of internal apps.
	RobotCode string `yaml:"robot_code" param:"template"`
}

// botMessage is for operators that send messages of a bot.
type botMessage struct {
	// MsgKey is the template: sampleText, sampleMarkdown, sampleImageMsg, sampleLink,
	// sampleActionCard, sampleActionCard2 to 6, sampleAudio, sampleFile, sampleVideo, or
	// one of the organisation.
	MsgKey string `yaml:"msg_key" param:"required,template"`
	// MsgParam are the fields of the template, all text: sampleText has content,
	// sampleMarkdown title and text. As JSON they have at most 15000 bytes.
	MsgParam map[string]string `yaml:"msg_param" param:"template,digits"`

	sender
}

func (m *botMessage) check(c *appcall.Checks) {
	if yamlvalue.HoldsTemplate(m.MsgKey) || slices.ContainsFunc(slices.Collect(maps.Values(m.MsgParam)), yamlvalue.HoldsTemplate) {
		return
	}
	c.Add("msg_param", bot.Message{Key: m.MsgKey, Param: m.MsgParam}.Check())
}

func (m *botMessage) message() bot.Message {
	return bot.Message{RobotCode: m.RobotCode, Key: m.MsgKey, Param: m.MsgParam}
}

// SendGroupMessage posts a message from the app's bot into a group chat that the bot is
// a member of. Nobody can be mentioned this way: use dingding or dingtalk_reply for that.
//
// The result has process_query_key (text) for dingtalk_get_message_readers and
// dingtalk_recall_bot_messages, which work for 24 hours.
//
// DingTalk docs: https://open.dingtalk.com/document/development/the-robot-sends-a-group-message
type SendGroupMessage struct {
	// OpenConversationID is the id of the group (cid…).
	OpenConversationID string `yaml:"open_conversation_id" param:"required,template"`
	// CoolAppCode is required if the bot joined the group with a group application.
	CoolAppCode string `yaml:"cool_app_code" param:"template"`

	botMessage
	appcall.Write
}

// SendGroupMessageResult is the result of [SendGroupMessage].
type SendGroupMessageResult struct {
	ProcessQueryKey string `json:"process_query_key"`
}

var _ params.Validator = (*SendGroupMessage)(nil)

// Validate checks group and message.
func (o *SendGroupMessage) Validate() error {
	var c appcall.Checks
	c.Required("open_conversation_id", o.OpenConversationID)
	o.botMessage.check(&c)
	return c.Err()
}

// Execute sends the message and returns a [SendGroupMessageResult].
func (o *SendGroupMessage) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SendGroupMessageResult, error) {
		m := o.message()
		m.CoolAppCode = o.CoolAppCode
		key, err := bot.SendToGroup(ctx, a, o.OpenConversationID, m)
		return &SendGroupMessageResult{key}, err
	})
}

// SendUserMessage sends a message from the app's bot to people, each in a chat of their own.
// The task fails if nobody gets it; the log and the result list everybody who did not.
//
// The result has process_query_key (text) for dingtalk_get_message_readers and
// dingtalk_recall_bot_messages, which work for 24 hours, process_query_keys (list of
// text: one for each twenty people) and undelivered (list of mappings with userid and
// reason).
//
// DingTalk docs: https://open.dingtalk.com/document/development/chatbots-send-one-on-one-chat-messages-in-batches
type SendUserMessage struct {
	// UserIDs are the userids of the recipients, 1 to 1000.
	UserIDs []string `yaml:"user_ids" param:"required,commas,template,digits"`

	botMessage
	appcall.Write
}

// SendUserMessageResult is the result of [SendUserMessage].
type SendUserMessageResult struct {
	ProcessQueryKey  string             `json:"process_query_key"`
	ProcessQueryKeys []string           `json:"process_query_keys"`
	Undelivered      []hook.Undelivered `json:"undelivered,omitempty"`
}

// Validate checks receivers and message.
func (o *SendUserMessage) Validate() error {
	var c appcall.Checks
	c.List("user_ids", o.UserIDs, 1, maxBotReceivers)
	o.botMessage.check(&c)
	return c.Err()
}

// Execute sends the message and returns a [SendUserMessageResult].
func (o *SendUserMessage) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*SendUserMessageResult, error) {
		result := &SendUserMessageResult{}
		parts := slices.Collect(slices.Chunk(o.UserIDs, bot.MaxUsers))
		for i, users := range parts {
			sent, err := bot.SendToUsers(ctx, a, users, o.message())
			if e, ok := errors.AsType[*hook.Error](err); ok {
				e.Sent, e.Parts = i, len(parts)
			}
			if err != nil {
				return nil, sentInPart(i, err)
			}
			result.ProcessQueryKeys = append(result.ProcessQueryKeys, sent.ProcessQueryKey)
			result.Undelivered = append(result.Undelivered, sent.Undelivered()...)
		}
		result.ProcessQueryKey = result.ProcessQueryKeys[0]
		return result, reportUndelivered(ctx, tc, "the message", len(o.UserIDs)-len(result.Undelivered), result.Undelivered)
	})
}

// sentInPart keeps a task from being tried again after some of its receivers got the
// message.
func sentInPart(sent int, err error) error {
	if sent == 0 {
		return err
	}
	return operator.Fail(err)
}

// GetMessageReaders lists who has read a message of the bot, within 24 hours after it was
// sent.
//
// The result has send_status (text: SUCCESS, RECALLED or PROCESSING), read_user_ids
// (list of text), unread_user_ids (list of text, for messages to people), has_more
// (boolean) and next_token (text, of the next page while has_more).
//
// DingTalk docs: https://open.dingtalk.com/document/development/chatbot-batch-query-the-read-status-of-messages
type GetMessageReaders struct {
	// ProcessQueryKey is the key that sending returned.
	ProcessQueryKey string `yaml:"process_query_key" param:"required,template"`
	// OpenConversationID is the group that the message went to. Without it the message
	// went to people.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`
	// MaxResults is the size of a page for groups, 1 to 200.
	MaxResults int `yaml:"max_results" param:"default=200,min=1,max=200"`
	// NextToken is where the page begins: next_token of the page before.
	NextToken string `yaml:"next_token" param:"template"`

	appcall.Paging
	sender
	appcall.App
}

// GetMessageReadersResult is the result of [GetMessageReaders].
type GetMessageReadersResult struct {
	SendStatus    string   `json:"send_status"`
	ReadUserIDs   []string `json:"read_user_ids"`
	UnreadUserIDs []string `json:"unread_user_ids,omitempty"`
	HasMore       bool     `json:"has_more"`
	NextToken     string   `json:"next_token"`
}

// Validate checks that there is a key.
func (o *GetMessageReaders) Validate() error {
	var c appcall.Checks
	c.Required("process_query_key", o.ProcessQueryKey)
	return c.Err()
}

// Execute reads who has read the message and returns a [GetMessageReadersResult].
func (o *GetMessageReaders) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*GetMessageReadersResult, error) {
		if o.OpenConversationID == "" {
			return o.ofUsers(ctx, a)
		}
		result := &GetMessageReadersResult{}
		var err error
		result.ReadUserIDs, result.NextToken, result.HasMore, err = appcall.Read(ctx, tc, o.Paging, o.NextToken,
			func(ctx context.Context, token string) ([]string, string, bool, error) {
				page, err := bot.GetGroupReads(ctx, a, bot.GroupReadsQuery{
					RobotCode: o.RobotCode, OpenConversationID: o.OpenConversationID, Key: o.ProcessQueryKey, Size: o.MaxResults, NextToken: token,
				})
				if err != nil {
					return nil, "", false, err
				}
				result.SendStatus = page.SendStatus
				return page.ReadUserIDs, page.NextToken, page.HasMore, nil
			})
		return result, err
	})
}

func (o *GetMessageReaders) ofUsers(ctx context.Context, a *hook.App) (*GetMessageReadersResult, error) {
	reads, err := bot.GetUserReads(ctx, a, o.RobotCode, o.ProcessQueryKey)
	if err != nil {
		return nil, err
	}
	result := &GetMessageReadersResult{SendStatus: reads.SendStatus, ReadUserIDs: []string{}}
	for _, r := range reads.Reads {
		if r.ReadStatus == "READ" {
			result.ReadUserIDs = append(result.ReadUserIDs, r.UserID)
		} else {
			result.UnreadUserIDs = append(result.UnreadUserIDs, r.UserID)
		}
	}
	return result, nil
}

// RecallBotMessages recalls messages of the bot: from people within 24 hours, from a group
// without a notice to its members. The task fails when none could be recalled.
//
// The result has recalled (list of text, the keys) and failed (mapping of key to
// reason).
//
// DingTalk docs: https://open.dingtalk.com/document/development/enterprise-chatbot-withdraws-internal-group-messages
type RecallBotMessages struct {
	// ProcessQueryKeys are the keys that sending returned, 1 to 20.
	ProcessQueryKeys []string `yaml:"process_query_keys" param:"required,commas,template"`
	// OpenConversationID is the group that the messages went to. Without it they went to
	// people.
	OpenConversationID string `yaml:"open_conversation_id" param:"template"`

	sender
	appcall.App
}

// RecallBotMessagesResult is the result of [RecallBotMessages].
type RecallBotMessagesResult struct {
	Recalled []string          `json:"recalled"`
	Failed   map[string]string `json:"failed"`
}

// Validate checks the number of keys.
func (o *RecallBotMessages) Validate() error {
	var c appcall.Checks
	c.List("process_query_keys", o.ProcessQueryKeys, 1, bot.MaxRecallKeys)
	return c.Err()
}

// Execute recalls the messages and returns a [RecallBotMessagesResult].
func (o *RecallBotMessages) Execute(ctx context.Context, tc *operator.TaskContext) (any, error) {
	return appcall.Run(ctx, tc, o, func(ctx context.Context, a *hook.App) (*RecallBotMessagesResult, error) {
		var got *bot.Recalled
		var err error
		if o.OpenConversationID == "" {
			got, err = bot.RecallFromUsers(ctx, a, o.RobotCode, o.ProcessQueryKeys)
		} else {
			got, err = bot.RecallFromGroup(ctx, a, o.RobotCode, o.OpenConversationID, o.ProcessQueryKeys)
		}
		if err != nil {
			return nil, err
		}
		if len(got.Success) == 0 && len(got.Failed) > 0 {
			key := slices.Min(slices.Collect(maps.Keys(got.Failed)))
			return nil, operator.Fail(fmt.Errorf("no message was recalled; about %s DingTalk says: %s", key, got.Failed[key]))
		}
		return &RecallBotMessagesResult{Recalled: got.Success, Failed: got.Failed}, nil
	})
}

func botSpecs(p appcall.Provider) []operator.Spec {
	return []operator.Spec{
		appcall.Define[SendGroupMessage](p, "dingtalk_send_group_message", operator.Example("The result of a build", `
open_conversation_id: cidAb/3dE+f0==
msg_key: sampleMarkdown
msg_param:
  title: Build 42
  text: "#### Build 42 passed"
`)),
		appcall.Define[SendUserMessage](p, "dingtalk_send_user_message", operator.Example("A text for two people", `
user_ids: [u001, u002]
msg_key: sampleText
msg_param:
  content: hello
`)),
		appcall.Define[GetMessageReaders](p, "dingtalk_get_message_readers", operator.Example("Of a message to people", `
process_query_key: zcxxczas0=
`), operator.Example("Of a message to a group", `
process_query_key: Kna29Ra5pVx0mkQ=
open_conversation_id: cidAb/3dE+f0==
`)),
		appcall.Define[RecallBotMessages](p, "dingtalk_recall_bot_messages", operator.Example("From a group", `
process_query_keys: Kna29Ra5pVx0mkQ=
open_conversation_id: cidAb/3dE+f0==
`), operator.Example("From people", `
process_query_keys: [zcxxczas0=]
`)),
	}
}
