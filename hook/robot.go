package hook

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// maxAttempts is how often Send posts one body when repeating is safe.
const maxAttempts = 3

// firstPause is the wait before the second attempt; it triples for the next.
const firstPause = 300 * time.Millisecond

// RobotResult tells what became of a message that was sent.
type RobotResult struct {
	// Sent is how many of the Parts are delivered, skipped ones included.
	Sent, Parts int
	// Warnings say what will not have the effect that was probably meant.
	Warnings []string
}

// Send posts a message to the group chat of a custom robot. It returns when
// DingTalk has taken all parts of it or when one part failed; then [Error.Sent]
// says how many were delivered, and [RobotMessage.SkipParts] resumes there. Where the
// connection's extra names keywords, each part carries one of them: a text without any
// gets the first one added, and a feedCard without any is refused.
//
// Send repeats by itself, up to three attempts in all, only where DingTalk cannot
// have the message: no connection came about, or the answer was "busy". Each attempt
// has the connection's timeout and a new signature; ctx bounds the whole. Errors
// are [*Error]: invalid before any request for an unknown type, an empty message
// or one over [MaxBodyBytes] that cannot be split; auth for a missing token and for
// the robot's security settings; rate_limited over 20 messages a minute; uncertain
// when the answer was lost.
//
// DingTalk docs: https://open.dingtalk.com/document/development/custom-robots-send-group-messages
//
//dingtalk:api POST /robot/send
func (h *DingdingHook) Send(ctx context.Context, m RobotMessage) (RobotResult, error) {
	res, err := h.send(ctx, &m)
	if err != nil {
		err.Op = fmt.Sprintf("send robot message to %q", m.connID())
		err.Sent, err.Parts = res.Sent, res.Parts
		return res, err
	}
	return res, nil
}

func (h *DingdingHook) send(ctx context.Context, m *RobotMessage) (RobotResult, *Error) {
	// What is wrong with the message is said first, also when there is no such robot.
	p, err := prepare(m, nil)
	if err != nil {
		return RobotResult{}, &Error{Kind: KindInvalid, Err: err}
	}
	robots, e := h.targets(ctx, m.connID())
	if e != nil {
		return RobotResult{Parts: p.count(), Warnings: p.warnings}, e
	}
	if keywords := robots[0].keywords; len(keywords) > 0 {
		if p, err = prepare(m, keywords); err != nil {
			return RobotResult{}, &Error{Kind: KindInvalid, Err: err}
		}
	}
	res := RobotResult{Sent: p.arrived + p.skip, Parts: p.count(), Warnings: p.warnings}
	for _, w := range p.warnings {
		h.log.LogAttrs(ctx, slog.LevelWarn, "robot message", slog.String("conn_id", m.connID()), slog.String("warning", w))
	}
	for _, body := range p.bodies[p.skip:] {
		if e := h.deliver(ctx, &robots, body); e != nil {
			if e.NoKeyword() {
				e.Advise(keywordAdvice(m.connID(), robots[0].keywords))
			}
			return res, e
		}
		res.Sent++
		if e := m.took(&p, res.Sent-p.arrived); e != nil {
			return res, e
		}
	}
	return res, nil
}

// deliver posts one body, again where that is safe, and leaves out those of several robots that are gone.
func (h *DingdingHook) deliver(ctx context.Context, robots *[]target, body []byte) *Error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		r, pass, e := h.enter(ctx, *robots)
		if e != nil {
			return e
		}
		if attempt == 1 && h.log.Enabled(ctx, slog.LevelInfo) {
			h.log.LogAttrs(ctx, slog.LevelInfo, "robot message", slog.String("conn_id", r.gated.Name), slog.String("body", string(body)))
		}
		e = h.post(ctx, r.robot, body)
		h.settle(ctx, pass, e)
		if e != nil && e.Gone() && len(*robots) > 1 {
			h.log.ErrorContext(ctx, "a robot is gone, others of its connection are not", "conn_id", r.gated.Name, "code", e.Code, "reason", e.Message)
			*robots = slices.DeleteFunc(slices.Clone(*robots), func(t target) bool { return t.gated.Key == r.gated.Key })
			attempt--
			continue
		}
		if e == nil || !e.again || attempt == maxAttempts || !sleep(ctx, pause) {
			return e
		}
		h.log.LogAttrs(ctx, slog.LevelWarn, "robot message not taken, trying again",
			slog.Int("attempt", attempt), slog.String("code", e.Code), slog.String("reason", e.Message))
		pause *= 3
	}
}

// sleep waits and reports true, or false when ctx ended before that.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// post makes one attempt.
func (h *DingdingHook) post(ctx context.Context, r *robot, body []byte) *Error {
	if ctx.Err() != nil {
		return &Error{Kind: KindUnavailable, Message: stoppedBefore, Err: context.Cause(ctx)}
	}
	attempt, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	attempt, progress := watch(attempt)
	url := r.url
	if r.secret != "" {
		url += signedQuery(r.secret, h.now())
	}
	resp, err := r.client.R().SetContext(attempt).SetDoNotParseResponse(true).SetBody(bytes.NewReader(body)).Post(url)
	if err != nil {
		return transportError(ctx, err, progress.left(), r.timeout)
	}
	defer resp.RawBody().Close() //nolint:errcheck // the answer has been read; nothing depends on the rest
	e := readAnswer(resp.StatusCode(), resp.RawBody())
	if e != nil {
		e.Message = r.mask(e.Message, url)
	}
	return e
}
