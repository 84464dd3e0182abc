package dingding

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/hook"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "dingding"

// Sender delivers what [DingdingNotifier] wrote into the outbox. The connection is
// looked up at each delivery, so that a corrected token helps messages that wait.
type Sender struct {
	hook *hook.DingdingHook
}

var (
	_ callbacks.Sender       = (*Sender)(nil)
	_ callbacks.RepeatSender = (*Sender)(nil)
)

// NewSender returns a sender that sends through h.
func NewSender(h *hook.DingdingHook) *Sender { return &Sender{hook: h} }

// Send delivers one message. The receipt says that DingTalk took it and what was odd
// about it. The error is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	p, err := readPayload(m)
	if err != nil {
		return "", err
	}
	res, err := s.hook.Send(ctx, hook.RobotMessage{
		ConnID: p.ConnID, Type: p.MessageType, Message: p.Message,
		AtMobiles: p.AtMobiles, AtUserIDs: p.AtUserIDs, AtAll: p.AtAll, NoSplit: p.NoSplit, UUID: p.UUID,
	})
	if e, ok := errors.AsType[*hook.Error](err); ok && e.Uncertain() && p.OnUncertain == uncertainRetry {
		return "", repeatableError{e}
	}
	if err != nil {
		return "", err
	}
	receipt = "ok"
	if res.Parts > 1 {
		receipt = fmt.Sprintf("ok, in %d parts", res.Parts)
	}
	return strings.Join(append([]string{receipt}, res.Warnings...), "; "), nil
}

// RepeatSafe reports whether the notifier asks for a repeat when it is uncertain
// whether the message arrived.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	p, err := readPayload(m)
	return err == nil && p.OnUncertain == uncertainRetry
}

func readPayload(m callbacks.Message) (payload, error) {
	var p payload
	decoder := json.NewDecoder(bytes.NewReader(m.Payload))
	decoder.UseNumber()
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("read a message for DingTalk from the outbox: %w", err)
	}
	return p, nil
}

// repeatableError is an uncertain error after which the message may be sent again: its UUID
// keeps it from showing twice.
type repeatableError struct{ callbacks.DeliveryError }

// Retryable is true.
func (repeatableError) Retryable() bool { return true }

// Unwrap returns the error of the hook.
func (r repeatableError) Unwrap() error { return r.DeliveryError }
