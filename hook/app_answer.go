package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/dingdag/dingdag/hook/internal/lenient"
)

// maxCallAnswerBytes bounds what is read of an answer to a call. A page of a hundred
// people has some 100 KiB; a range of a sheet may be larger.
const maxCallAnswerBytes = 16 << 20

var errCallTooLarge = fmt.Errorf("it is larger than %d MiB", maxCallAnswerBytes>>20)

// readCall reads the answer to a call and decodes it into what into points to.
func readCall(c Call, status int, body io.Reader, into any) *Error {
	data, err := io.ReadAll(io.LimitReader(body, maxCallAnswerBytes+1))
	if err == nil && len(data) > maxCallAnswerBytes {
		err = errCallTooLarge
	}
	if c.Bodiless && err == nil && len(bytes.TrimSpace(data)) == 0 && status >= http.StatusOK && status < http.StatusMultipleChoices {
		return nil
	}
	e := judgeNew(status, data, err)
	if c.API == LegacyAPI {
		e = judge(status, data, err)
	}
	if e != nil {
		e.nameDenied(data)
		return e
	}
	if err := decodeAnswer(data, into); err != nil {
		return &Error{Kind: KindUncertain, HTTPStatus: status, Message: "the answer is not as documented", Err: err}
	}
	return nil
}

// newAnswer is the envelope of errors of api.dingtalk.com. Keys are matched in any letter
// case, as some gateways write them with capitals.
type newAnswer struct {
	Code      scalar `json:"code"`
	Message   scalar `json:"message"`
	RequestID scalar `json:"requestid"`
	// Success is false in answers with HTTP 200 that are refusals all the same.
	Success scalar `json:"success"`
	// ErrCode is set when the request went to the older generation.
	ErrCode scalar `json:"errcode"`
	// Punish is that of [answer].
	Punish scalar `json:"punish"`
}

// judgeNew turns an answer of api.dingtalk.com into nil, when it is a success, or an
// error.
func judgeNew(status int, body []byte, readErr error) *Error {
	var a newAnswer
	isObject := readErr == nil && json.Unmarshal(body, &a) == nil && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{"))
	succeeded := status >= http.StatusOK && status < http.StatusMultipleChoices
	switch {
	case !isObject, a.ErrCode != "" && !isZero(string(a.ErrCode)), a.Code == "" && a.Punish != "":
		if e := judge(status, body, readErr); e != nil {
			return e
		}
		return &Error{Kind: KindUncertain, HTTPStatus: status, Message: "the answer is of the older API"}
	case succeeded && a.Success != "false":
		return nil
	case a.Code != "":
		return refusalNew(string(a.Code), excerpt([]byte(a.Message), maxAnswerBytes), string(a.RequestID), status)
	case succeeded:
		return refusalNew("success=false", excerpt([]byte(a.Message), maxAnswerBytes), string(a.RequestID), http.StatusBadRequest)
	}
	kind, retryAfter := kindOfNewStatus(status)
	return &Error{
		Kind: kind, HTTPStatus: status, RequestID: string(a.RequestID), RetryAfter: retryAfter,
		Message: describe(status, body, readErr),
	}
}

// refusalNew builds the error of a code word.
func refusalNew(code, message, requestID string, status int) *Error {
	e := refusal(code, message, requestID, status)
	if _, known := lookup(code); !known {
		e.Kind, e.RetryAfter = kindOfNewStatus(status)
	}
	return e
}

// kindOfNewStatus judges a refusal whose code is in no table.
func kindOfNewStatus(status int) (Kind, time.Duration) {
	switch status {
	case http.StatusInternalServerError:
		// A fault on the way; how far it got is unknown.
		return KindUncertain, 0
	case http.StatusTooManyRequests:
		return KindRateLimited, shortPause
	case http.StatusServiceUnavailable:
		return KindUnavailable, busyPause
	}
	return kindOfStatus(status, false)
}

// decodeAnswer decodes strictly first; what does not fit then is made to.
func decodeAnswer(data []byte, into any) error {
	if into == nil {
		return nil
	}
	err := json.Unmarshal(data, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if err = lenient.Decode(data, into); err != nil {
			return fmt.Errorf("the field %s: %w", wrong.Field, err)
		}
	}
	return err
}

var (
	scopesInText = regexp.MustCompile(`requiredScopes=\[([^\]]*)\]`)
	bracketed    = regexp.MustCompile(`\[([A-Za-z][\w.\-, ]*)\]`)
	addresses    = regexp.MustCompile(`[0-9a-fA-F:.]{3,}`)
)

// nameDenied finds the scopes or the address that DingTalk refuses a call for.
func (e *Error) nameDenied(body []byte) {
	switch {
	case e.isScope():
		var detail struct {
			Denied struct {
				Scopes []string `json:"requiredScopes"`
			} `json:"accessdenieddetail"`
		}
		if json.Unmarshal(body, &detail) == nil {
			e.Scopes = detail.Denied.Scopes
		}
		if len(e.Scopes) == 0 {
			e.Scopes = scopesIn(e.Message)
		}
	case e.isIP():
		for _, word := range addresses.FindAllString(e.Message, -1) {
			if addr, err := netip.ParseAddr(strings.Trim(word, ".:")); err == nil {
				e.IP = addr.String()
				return
			}
		}
	}
}

func scopesIn(text string) []string {
	found := scopesInText.FindStringSubmatch(text)
	if found == nil {
		found = bracketed.FindStringSubmatch(text)
	}
	if found == nil {
		return nil
	}
	return strings.FieldsFunc(found[1], func(r rune) bool { return r == ',' || r == ' ' })
}
