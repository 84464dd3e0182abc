package calltest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
)

// documentFault is what a call of the knowledge base or a workbook may get in place of
// its answer, with the kind of error that it gives and how often the call is sent: when
// it may be repeated at any time, right away, and not at all.
type documentFault struct {
	status            int
	body              string
	err               error
	safe, again, once sentAs
}

type sentAs struct {
	kind hook.Kind
	sent int
}

func documentFaults() map[string]documentFault {
	same := func(f documentFault, kind hook.Kind, sent int) documentFault {
		f.safe, f.again, f.once = sentAs{kind, sent}, sentAs{kind, sent}, sentAs{kind, sent}
		return f
	}
	lost := func(f documentFault) documentFault {
		f.safe, f.again, f.once = sentAs{hook.KindUnavailable, 3}, sentAs{hook.KindUncertain, 4}, sentAs{hook.KindUncertain, 1}
		return f
	}
	word := func(status int, code string) documentFault {
		return documentFault{status: status, body: `{"code":"` + code + `","message":"because","requestid":"r1"}`}
	}
	busy := same(word(503, "serviceBusy"), hook.KindUnavailable, 1)
	busy.safe.sent = 3
	return map[string]documentFault{
		"wrong argument":     same(word(400, "invalidRequest.inputArgs.invalid"), hook.KindInvalid, 1),
		"a userid":           same(word(400, "invalidRequest.inputArgs.operatorIdIllegal"), hook.KindInvalid, 1),
		"no workbook":        same(word(400, "invalidRequest.resource.notWorkbook"), hook.KindInvalid, 1),
		"not allowed":        same(word(403, "forbidden.accessDenied"), hook.KindAuth, 1),
		"not found":          same(word(404, "invalidRequest.resource.notFound"), hook.KindNotFound, 1),
		"still being made":   same(word(400, "invalidRequest.document.stillInitializing"), hook.KindUnavailable, 3),
		"too often":          same(word(403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"), hook.KindRateLimited, 3),
		"refused connection": same(documentFault{err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}, hook.KindUnavailable, 3),
		"busy":               busy,
		"fault":              lost(word(500, "internalError")),
		"back end timeout":   lost(word(503, "operationTimeout")),
		"cut connection":     lost(documentFault{err: io.ErrUnexpectedEOF}),
		"not as documented":  lost(documentFault{status: 200, body: "[]"}),
	}
}

// CheckDocumentErrors checks that each call of the knowledge base or of a workbook knows what an
// error means and whether it may be made again: at any time, or, as the facts list them, never
// (once), or so that it is not found then (again).
func CheckDocumentErrors(t *testing.T, operations map[string]Operation, once, again []string) {
	t.Helper()
	for id, op := range operations {
		for name, fault := range documentFaults() {
			t.Run(id+" "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					sent := 0
					h := Hook(t, TokenAnd(func(*http.Request) (*http.Response, error) {
						sent++
						if fault.err != nil {
							return nil, fault.err
						}
						r := Response(fault.body)
						r.StatusCode = fault.status
						return r, nil
					}))
					_, err := op.Call(t.Context(), h.App(""))
					want := fault.safe
					switch {
					case slices.Contains(once, id):
						want = fault.once
					case slices.Contains(again, id):
						want = fault.again
					}
					assert.Equal(t, want, sentAs{Failed(t, err).Kind, sent}, "%v", err)
				})
			})
		}
	}
}

// CheckLostDelete checks that a deletion whose answer was lost is done again, and then finds
// nothing to delete.
func CheckLostDelete(t *testing.T, remove func(context.Context, *hook.App) error) {
	t.Helper()
	lost := true
	s := Start(t, func(w http.ResponseWriter, _ *http.Request) {
		status := http.StatusNotFound
		if lost {
			status, lost = http.StatusGatewayTimeout, false
		}
		w.WriteHeader(status)
		if status == http.StatusNotFound {
			_, _ = io.WriteString(w, `{"code":"invalidRequest.resource.notFound","message":"gone"}`)
		}
	})
	require.NoError(t, remove(t.Context(), s.App(t)))
	assert.Len(t, s.Got(), 2)
	assert.Equal(t, hook.KindNotFound, Failed(t, remove(t.Context(), s.App(t))).Kind, "not there in the first place")
}
