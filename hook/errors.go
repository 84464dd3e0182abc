package hook

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind says what the caller of a failed call can do about it.
type Kind string

// The kinds of errors.
const (
	// KindInvalid: the request is wrong and stays wrong.
	KindInvalid Kind = "invalid"
	// KindAuth: DingTalk refuses the credentials or the sender.
	KindAuth Kind = "auth"
	// KindNotFound: the robot, user, group or connection does not exist.
	KindNotFound Kind = "not_found"
	// KindRateLimited: try again after RetryAfter.
	KindRateLimited Kind = "rate_limited"
	// KindUnavailable: DingTalk or the network failed before taking the request.
	KindUnavailable Kind = "unavailable"
	// KindUncertain: the request left and no usable answer came. It may have been
	// carried out; sending it again may post twice.
	KindUncertain Kind = "uncertain"
)

// Error is what every call of this package returns when it fails. It holds no
// token, no signature and no query string.
type Error struct {
	// Op says what was being done, for instance `send robot message to "ops"`.
	Op   string
	Kind Kind
	// HTTPStatus is the status of the answer, 0 when there was none.
	HTTPStatus int
	// Code and Message are DingTalk's own; Code is empty when DingTalk sent none.
	Code, Message string
	// RequestID is DingTalk's id of the request, if it sent one.
	RequestID string
	// RetryAfter is the least time to wait before another try, 0 for the caller's default.
	RetryAfter time.Duration
	// Sent is how many parts of the message were delivered before the one that
	// failed, out of Parts. [RobotMessage.SkipParts] resumes there.
	Sent, Parts int
	// Scopes are the permissions that the app lacks, IP the address that it may not call
	// from, when that is why DingTalk refuses a call of an [App].
	Scopes []string
	IP     string
	// Err is the cause on this side, if there is one.
	Err error

	// unknown says that Code is not in the table.
	unknown bool
	// again allows Send to try once more by itself.
	again bool
	// gated says that a gate kept the request back.
	gated bool
	// spent says that the robot gets no more messages like this one in this month.
	spent bool
	// gateway says that it is one of the gateway of stream mode.
	gateway bool
	// advice goes before the remedy of the code.
	advice string
}

// Error tells what was done, what came back and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Parts > 1 {
		fmt.Fprintf(&b, ", part %d of %d", e.Sent+1, e.Parts)
		switch {
		case e.Sent == 1:
			b.WriteString(" (part 1 was delivered)")
		case e.Sent > 1:
			fmt.Fprintf(&b, " (parts 1 to %d were delivered)", e.Sent)
		}
	}
	if e.Code != "" {
		fmt.Fprintf(&b, ": DingTalk answered %s %s", e.Code, e.Message)
	} else if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusOK {
		fmt.Fprintf(&b, " (HTTP %d %s)", e.HTTPStatus, http.StatusText(e.HTTPStatus))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if remedy := e.Remedy(); remedy != "" {
		b.WriteString("; " + remedy)
	}
	return b.String()
}

// Unwrap returns the cause on this side.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports whether a later try may succeed and cannot deliver twice.
func (e *Error) Retryable() bool {
	return e.Kind == KindUnavailable || e.Kind == KindRateLimited
}

// Uncertain reports that the request may have been carried out.
func (e *Error) Uncertain() bool { return e.Kind == KindUncertain }

// Unknown reports that DingTalk refused the request with a code that this package does not
// know. It counts as unavailable, and may as well be final.
func (e *Error) Unknown() bool { return e.unknown && e.Kind == KindUnavailable }

// Throttled reports that DingTalk takes nothing from this sender until RetryAfter is over.
func (e *Error) Throttled() bool { return e.Kind == KindRateLimited }

// Gated reports that nothing was sent: the request has to wait for RetryAfter, since the robot
// has had its messages of this minute.
func (e *Error) Gated() bool { return e.gated }

// Gone reports that the robot, or whoever else the request was for, would refuse any other one, too.
func (e *Error) Gone() bool {
	return (e.Kind == KindAuth || e.Kind == KindNotFound) && !e.NoKeyword() && !e.spent
}

// Spent reports that the quota of the month is used up: that which the robot's connection has, or that
// of the organisation's calls.
func (e *Error) Spent() bool {
	return e.spent || e.IsCode("90020", "forbidden.accessdenied.apicountlimitfororg")
}

// Answer returns the status and the code of DingTalk's answer, as far as there are.
func (e *Error) Answer() (status int, code string) { return e.HTTPStatus, e.Code }

// PartsInAll is [Error.Parts].
func (e *Error) PartsInAll() int { return e.Parts }

// RetryDelay is the least time to wait before another try, 0 for the caller's default.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// Remedy is a sentence without a full stop on what to click or change, or empty
// when the error text says it all.
func (e *Error) Remedy() string {
	if e.advice != "" {
		return e.advice
	}
	if e.Code == codeSecurity {
		return securityRemedy(e.Message)
	}
	if row, ok := lookup(e.Code); ok {
		return row.remedy
	}
	switch {
	case e.Kind == KindUncertain:
		return "check in the group whether the message arrived before sending it again"
	case e.Kind == KindUnavailable && e.HTTPStatus == 0 && e.Err != nil:
		return "check the connection's host, the proxy and the network"
	}
	return ""
}

// Advise puts a sentence without a full stop in place of the usual remedy.
func (e *Error) Advise(remedy string) { e.advice = remedy }

// KindOf is the kind of an [*Error], empty for any other error.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// codeSecurity is DingTalk's refusal by one of the robot's security settings.
const codeSecurity = "310000"

// NoKeyword reports that DingTalk refused the message because it has none of the robot's
// keywords: the robot is well, and another message may pass.
func (e *Error) NoKeyword() bool {
	return e.Code == codeSecurity && saysKeyword(e.Message)
}

func saysKeyword(message string) bool {
	text := strings.ToLower(message)
	return strings.Contains(text, "keyword") || strings.Contains(text, "关键词")
}

// securityRemedy tells the security settings apart. All of them share one code, so
// there is only the text, of which there are several generations.
func securityRemedy(message string) string {
	text := strings.ToLower(message)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("invalid timestamp"):
		return "the clock of this machine is over an hour off: set it by NTP"
	case saysKeyword(message):
		return "put one of the robot's keywords into the message (each part of a long one needs it), " +
			"or change them in the group: Group Settings, Bots, this robot, Security Settings"
	case has("sign", "签名"):
		return `copy the robot's secret, which starts with SEC, into extra as {"secret": "SEC…"}; ` +
			"it is shown in the group under Group Settings, Bots, this robot, Security Settings, Additional Signature"
	case has("whitelist", "white list", "白名单"):
		return "add the address that the text names to the robot's IP list in the group: " +
			"Group Settings, Bots, this robot, Security Settings, IP Address"
	}
	return "check keywords, signature and IP list in the group: Group Settings, Bots, this robot, Security Settings"
}
