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
	"github.com/dingdag/dingdag/hook/robot"
)

// SenderName is the name under which [Sender] has to be registered.
const SenderName = "dingding"

// Sender delivers what [DingdingNotifier] wrote into the outbox. The connection is
// looked up at each delivery, so that a corrected token helps messages that wait.
type Sender struct {
	hook *hook.DingdingHook
}

var (
	_ callbacks.PartSender     = (*Sender)(nil)
	_ callbacks.FallbackSender = (*Sender)(nil)
	_ callbacks.ConnSender     = (*Sender)(nil)
	_ callbacks.RepeatSender   = (*Sender)(nil)
	_ callbacks.PacedSender    = (*Sender)(nil)
	_ callbacks.EventSender    = (*Sender)(nil)
	_ callbacks.FoldSender     = (*Sender)(nil)
	_ callbacks.NoteSender     = (*Sender)(nil)
	_ callbacks.StandInSender  = (*Sender)(nil)
)

// NewSender returns a sender that sends through h.
func NewSender(h *hook.DingdingHook) *Sender { return &Sender{hook: h} }

// Send delivers one message. The receipt says that DingTalk took it and what was odd
// about it. The error is a [callbacks.DeliveryError].
func (s *Sender) Send(ctx context.Context, m callbacks.Message) (receipt string, err error) {
	return s.SendParts(ctx, m, "", func(string, string) error { return nil })
}

// SendParts is Send that goes on behind the parts that have arrived.
func (s *Sender) SendParts(ctx context.Context, m callbacks.Message, progress string, took func(progress, receipt string) error) (string, error) {
	p, err := readPayload(m)
	if err != nil {
		return "", err
	}
	rm := p.robotMessage()
	rm.Resume = progress
	rm.OnPart = func(part hook.Part) error {
		if part.Sent == part.Parts {
			return nil // the receipt says it
		}
		return took(part.Resume, fmt.Sprintf("DingTalk took parts 1 to %d of %d", part.Sent, part.Parts))
	}
	res, err := s.hook.Send(ctx, rm)
	if e, ok := errors.AsType[*hook.Error](err); ok && e.Uncertain() && p.OnUncertain == robot.UncertainRetry {
		return "", repeatableError{e}
	}
	if err != nil {
		return "", err
	}
	receipt := "ok"
	if res.Parts > 1 {
		receipt = fmt.Sprintf("ok, in %d parts", res.Parts)
	}
	return strings.Join(append([]string{receipt}, res.Warnings...), "; "), nil
}

// Ready asks the gate of the robot, see [hook.WithGate].
func (s *Sender) Ready(ctx context.Context, m callbacks.Message) error {
	p, err := readPayload(m)
	if err != nil {
		return err
	}
	return s.hook.Ready(ctx, p.ConnID)
}

// Fallback gives the default message in place of one of one's own that DingTalk refuses for
// its content, or because it lacks the robot's keyword, and the shortest message in place of a
// default one whose content is refused: what a task printed may be what the content check refuses.
func (s *Sender) Fallback(m callbacks.Message, ev *callbacks.Event, cause error) (callbacks.Message, bool) {
	p, err := readPayload(m)
	e, ok := errors.AsType[*hook.Error](cause)
	if err != nil || !ok || e.Kind != hook.KindInvalid && !e.Unknown() && (!e.NoKeyword() || !p.Own) || p.Short {
		return callbacks.Message{}, false
	}
	plain := payload{
		ConnID: p.ConnID, MessageType: hook.TypeText, Message: ev.Text(), AtMobiles: p.AtMobiles, AtUserIDs: p.AtUserIDs,
		AtAll: p.AtAll, OnUncertain: p.OnUncertain,
	}
	if !p.Own {
		plain.Message, plain.Short = ev.Brief(), true
	}
	out, err := plain.message(ev)
	return out, err == nil
}

// Tell gives the default message about ev to the robot of m, as text.
func (s *Sender) Tell(m callbacks.Message, ev *callbacks.Event) (callbacks.Message, error) {
	p, err := readPayload(m)
	if err != nil {
		return callbacks.Message{}, err
	}
	out := payload{ConnID: p.ConnID, MessageType: hook.TypeText, OnUncertain: robot.UncertainFail}
	if out.Message, err = defaultMessage(out.MessageType, ev); err != nil {
		return callbacks.Message{}, err
	}
	return out.message(ev)
}

// Serves reports whether it is a connection of a custom robot.
func (s *Sender) Serves(c callbacks.Conn) bool { return isDingTalk(c) && c.Login == "" }

// StandIn is the default message.
func (s *Sender) StandIn(c callbacks.Conn, ev *callbacks.Event) (callbacks.Message, error) {
	return (&DingdingNotifier{Params: robot.Params{ConnID: c.ID, Content: robot.Content{MessageType: hook.TypeText, Split: true}}}).Prepare(ev)
}

func isDingTalk(c callbacks.Conn) bool { return c.Type == "dingding" || c.Type == "dingtalk" }

// ConnID is the connection of the robot.
func (s *Sender) ConnID(m callbacks.Message) string {
	p, err := readPayload(m)
	if err != nil {
		return ""
	}
	return p.ConnID
}

// RepeatSafe reports whether the notifier asks for a repeat when it is uncertain
// whether the message arrived.
func (s *Sender) RepeatSafe(m callbacks.Message) bool {
	p, err := readPayload(m)
	return err == nil && p.OnUncertain == robot.UncertainRetry
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

func (p payload) robotMessage() hook.RobotMessage {
	return hook.RobotMessage{
		ConnID: p.ConnID, Type: p.MessageType, Message: p.content(),
		AtMobiles: p.AtMobiles, AtUserIDs: p.AtUserIDs, AtAll: p.AtAll, NoSplit: p.NoSplit, UUID: p.UUID,
	}
}

// repeatableError is an uncertain error after which the message may be sent again: its UUID
// keeps it from showing twice.
type repeatableError struct{ callbacks.DeliveryError }

// Retryable is true.
func (repeatableError) Retryable() bool { return true }

// Unwrap returns the error of the hook.
func (r repeatableError) Unwrap() error { return r.DeliveryError }
