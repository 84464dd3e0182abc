package dingding

import (
	"time"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
)

// Option changes a notifier that one of the constructors makes.
type Option func(*DingdingNotifier)

// AtMobiles notifies the people with these mobile numbers.
func AtMobiles(mobiles ...string) Option {
	return func(n *DingdingNotifier) { n.AtMobiles = mobiles }
}

// AtUserIDs notifies the people with these DingTalk user ids.
func AtUserIDs(ids ...string) Option {
	return func(n *DingdingNotifier) { n.AtUserIDs = ids }
}

// AtAll notifies everybody in the group.
func AtAll() Option { return func(n *DingdingNotifier) { n.AtAll = true } }

// AtOwner says whether the owner is notified too, see [DingdingNotifier].
func AtOwner(notify bool) Option { return func(n *DingdingNotifier) { n.AtOwner = &notify } }

// Message replaces the default message. The type and the message are those of
// [DingdingNotifier]; a nil message is the default one in that type.
func Message(messageType string, message any) Option {
	return func(n *DingdingNotifier) { n.MessageType, n.Message = messageType, message }
}

// Dedupe silences a message while an earlier one of the same kind of event and with the same key is
// younger than window, which must be positive.
func Dedupe(key string, window time.Duration) Option {
	return func(n *DingdingNotifier) { n.DedupeKey, n.DedupeWindow = key, window }
}

// RetryUncertain sends a message again when no answer came.
func RetryUncertain() Option {
	return func(n *DingdingNotifier) { n.OnUncertain = robot.UncertainRetry }
}

// OnFailure tells the group of a connection that a task or run failed for good.
func OnFailure(connID string, opts ...Option) *DingdingNotifier {
	return build(callbacks.Failure, connID, opts)
}

// OnSuccess tells the group of a connection that a task or run succeeded.
func OnSuccess(connID string, opts ...Option) *DingdingNotifier {
	return build(callbacks.Success, connID, opts)
}

// OnRetry tells the group of a connection that a task failed and will be tried again.
func OnRetry(connID string, opts ...Option) *DingdingNotifier {
	return build(callbacks.Retry, connID, opts)
}

// OnSkipped tells the group of a connection that a task asked to be skipped.
func OnSkipped(connID string, opts ...Option) *DingdingNotifier {
	return build(callbacks.Skipped, connID, opts)
}

// OnRecovery tells the group of a connection that a task or run succeeded after failures that
// were told.
func OnRecovery(connID string, opts ...Option) *DingdingNotifier {
	return build(callbacks.Recovery, connID, opts)
}

func build(kind callbacks.Kind, connID string, opts []Option) *DingdingNotifier {
	n := &DingdingNotifier{only: kind, Params: robot.Params{
		ConnID: connID, Content: robot.Content{MessageType: hook.TypeText, Split: true}, OnUncertain: robot.UncertainFail,
	}}
	for _, opt := range opts {
		opt(n)
	}
	return n
}
