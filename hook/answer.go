package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxAnswerBytes bounds what is read of an answer. A real one has under 1 KiB.
const maxAnswerBytes = 64 << 10

// maxExcerptBytes is how much of an answer that makes no sense is shown.
const maxExcerptBytes = 200

// answer is the envelope of oapi.dingtalk.com.
type answer struct {
	ErrCode   scalar `json:"errcode"`
	ErrMsg    scalar `json:"errmsg"`
	SubCode   scalar `json:"sub_code"`
	SubMsg    scalar `json:"sub_msg"`
	RequestID scalar `json:"request_id"`
	// Punish and Status come instead of all others from the gate that blocks an
	// address which calls too often.
	Punish scalar `json:"punish"`
	Status scalar `json:"status"`
}

// scalar is a JSON string or number as text. DingTalk's pages and gateways do not
// agree on which of the two a code is.
type scalar string

// UnmarshalJSON takes any JSON value; null is empty, composed values keep their JSON.
func (s *scalar) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
		*s = ""
	case data[0] != '"':
		*s = scalar(data)
	case bytes.IndexByte(data, '\\') < 0:
		*s = scalar(strings.ToValidUTF8(string(data[1:len(data)-1]), "\uFFFD"))
	default:
		var text string
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		*s = scalar(text)
	}
	return nil
}

var subCodeInText = regexp.MustCompile(`\[subcode=([^,\]]+)[,\]]`)

// code returns the code that counts and its text, or "" when the answer has none.
// The gateway wraps some codes in 88 or 15.
func (a *answer) code() (code, message string) {
	code, message = strings.TrimSpace(string(a.ErrCode)), string(a.ErrMsg)
	switch {
	case code == "" && a.Punish != "":
		return "1111", "the address is blocked (punish " + string(a.Punish) + ")"
	case code != "88" && code != "15":
		return code, message
	case a.SubCode != "":
		code = string(a.SubCode)
	default:
		if m := subCodeInText.FindStringSubmatch(message); m != nil {
			code = m[1]
		}
	}
	if a.SubMsg != "" {
		message = string(a.SubMsg)
	}
	return code, message
}

// isCode reports whether text can be an errcode: a whole number or a code word.
func isCode(text string) bool {
	return text != "" && text != "true" && text != "false" && text[0] != '{' && text[0] != '['
}

// isSuccess reports whether body is a JSON object with errcode 0, as a number or as text.
func isSuccess(body []byte) bool {
	var a struct {
		ErrCode json.Number `json:"errcode"`
	}
	return json.Unmarshal(body, &a) == nil && isZero(a.ErrCode.String())
}

func isZero(code string) bool {
	n, err := strconv.ParseInt(code, 10, 64)
	return err == nil && n == 0
}

// judge turns an answer into nil, when DingTalk took the request, or an error.
// readErr is what ended the reading of the body early, if anything. The body
// decides: only errcode 0 is success, and an errcode is believed whatever the
// HTTP status, except that a status of 400 and above is never success.
func judge(status int, body []byte, readErr error) *Error {
	if status < http.StatusBadRequest && isSuccess(body) {
		return nil
	}
	var a answer
	if json.Unmarshal(body, &a) == nil {
		if code, message := a.code(); isCode(code) && !isZero(code) {
			return refusal(code, excerpt([]byte(message), maxAnswerBytes), string(a.RequestID), status)
		}
	}
	kind, retryAfter := kindOfStatus(status, isHTML(body))
	return &Error{
		Kind: kind, HTTPStatus: status, RequestID: string(a.RequestID), RetryAfter: retryAfter,
		Message: describe(status, body, readErr), Err: readErr,
	}
}

// kindOfStatus judges an answer without a usable errcode.
func kindOfStatus(status int, html bool) (Kind, time.Duration) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return KindAuth, 0
	case http.StatusNotFound, http.StatusGone:
		return KindNotFound, 0
	case http.StatusTooManyRequests:
		return KindRateLimited, time.Minute
	case http.StatusRequestTimeout:
		return KindUnavailable, 0
	case http.StatusGatewayTimeout:
		// The gateway gave up waiting; what it waited for may still be done.
		return KindUncertain, 0
	}
	switch {
	case status >= http.StatusInternalServerError:
		return KindUnavailable, 0
	case status >= http.StatusMultipleChoices:
		return KindInvalid, 0
	case html:
		// DingTalk answers JSON. A page comes from something in front of it.
		return KindUnavailable, 0
	}
	return KindUncertain, 0
}

// describe says what is wrong with an answer that has no usable errcode.
func describe(status int, body []byte, readErr error) string {
	switch {
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return "the answer is a redirect, which is not followed; set the connection's host to where it leads"
	case isHTML(body):
		return "the answer is an HTML page instead of JSON; it comes from a proxy, a gateway or a block, not from DingTalk's API"
	case errors.Is(readErr, errTooLarge):
		return "the answer is useless"
	case readErr != nil:
		return "the answer was cut off"
	case len(bytes.TrimSpace(body)) == 0:
		return "the answer is empty"
	case !json.Valid(body):
		return fmt.Sprintf("the answer is not valid JSON: %q", excerpt(body, maxExcerptBytes))
	}
	return fmt.Sprintf("the answer does not say that the request was accepted: %q", excerpt(body, maxExcerptBytes))
}

func isHTML(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n\uFEFF"), []byte("<"))
}

// excerpt returns valid UTF-8 of at most about limit bytes.
func excerpt(text []byte, limit int) string {
	cut := len(text) > limit
	if cut {
		text = text[:limit]
	}
	s := strings.TrimSpace(strings.ToValidUTF8(string(text), "\uFFFD"))
	if cut {
		s += "…"
	}
	return s
}

var errTooLarge = fmt.Errorf("it is larger than %d KiB", maxAnswerBytes>>10)

// answerReader reads an answer up to the limit. Its parts are reused.
type answerReader struct {
	buf     bytes.Buffer
	limited io.LimitedReader
}

var answerReaders = sync.Pool{New: func() any { return new(answerReader) }}

// readAnswer reads the body of an answer and judges it.
func readAnswer(status int, body io.Reader) *Error {
	r := answerReaders.Get().(*answerReader)
	defer answerReaders.Put(r)
	r.buf.Reset()
	r.limited = io.LimitedReader{R: body, N: maxAnswerBytes + 1}
	_, err := r.buf.ReadFrom(&r.limited)
	r.limited.R = nil
	if err == nil && r.buf.Len() > maxAnswerBytes {
		err = errTooLarge
	}
	return judge(status, r.buf.Bytes(), err)
}
