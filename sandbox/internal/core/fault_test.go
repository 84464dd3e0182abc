package core_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault     sandbox.Fault
		status    int // zero: the connection is cut
		body      string
		delivered bool
	}{
		"busy":          {sandbox.Fault{Kind: sandbox.FaultBusy}, 200, `{"errcode":-1,"errmsg":"系统繁忙"}`, false},
		"errcode":       {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 430102}, 200, `{"errcode":430102,"errmsg":"含有不合适的文本"}`, false},
		"own message":   {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 410100, Message: "slow down"}, 200, `{"errcode":410100,"errmsg":"slow down"}`, false},
		"no usual text": {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 410100}, 200, `{"errcode":410100,"errmsg":"errcode 410100"}`, false},
		"html": {
			sandbox.Fault{Kind: sandbox.FaultHTML},
			503,
			"<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center></body></html>\n", false,
		},
		"empty":            {sandbox.Fault{Kind: sandbox.FaultEmpty}, 504, "", false},
		"empty with a 200": {sandbox.Fault{Kind: sandbox.FaultEmpty, Status: 200}, 200, "", false},
		"cut":              {sandbox.Fault{Kind: sandbox.FaultCut}, 0, "", false},
		"slow":             {sandbox.Fault{Kind: sandbox.FaultSlow, Delay: time.Millisecond}, 200, `{"errcode":0,"errmsg":"ok"}`, true},
		"broken JSON":      {sandbox.Fault{Kind: sandbox.FaultBrokenJSON}, 200, `{"errcode":0,`, true},
		"answer lost":      {sandbox.Fault{Kind: sandbox.FaultAnswerLost}, 0, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			robot := b.AddRobot(sandbox.DemoRobot("ops"))
			b.Fault(tt.fault)

			status, got, err := b.Try(t, http.MethodPost, robot.WebhookPath(), boxtest.Hello)

			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, tt.status, status)
			assert.Equal(t, tt.body, got)
			assert.Equal(t, tt.delivered, len(b.Messages(sandbox.Filter{})) == 1)
			require.Len(t, b.Attempts(), 1)
			assert.Equal(t, tt.fault.Kind, b.Attempts()[0].Fault)
			assert.Equal(t, "ops", b.Attempts()[0].Robot)

			assert.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello), "one request uses the fault up")
			assert.Empty(t, b.Faults())
		})
	}
}

// A slow answer must be interruptible: the client goes away, the message stays.
func TestSlowAnswerEndsWithItsClient(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.DemoRobot("ops"))
	b.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Delay: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.WebhookURL(robot), strings.NewReader(boxtest.Hello))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	ended := make(chan error, 1)
	go func() {
		resp, err := b.Client.Do(req)
		if err == nil {
			err = resp.Body.Close()
		}
		ended <- err
	}()
	b.WaitMessages(1)
	cancel()
	assert.ErrorIs(t, <-ended, context.Canceled)
}

func TestFaultsHitOnlyWhatTheyName(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	ops, other := b.AddRobot(sandbox.DemoRobot("ops")), b.AddRobot(sandbox.DemoRobot("other"))
	busy := boxtest.Answer(-1, "系统繁忙")
	b.Fault(sandbox.Fault{Kind: sandbox.FaultBusy, Call: "robot.send", Robot: "ops", Times: 2})
	b.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 660026, Robot: ops.Token, Times: -1})

	assert.Equal(t, boxtest.OK, b.Post(t, other, "", boxtest.Hello))
	assert.Equal(t, busy, b.Post(t, ops, "", boxtest.Hello))
	assert.Equal(t, 1, b.Faults()[0].Times)
	assert.Equal(t, busy, b.Post(t, ops, "", boxtest.Hello))
	for range 5 {
		assert.Equal(t, boxtest.TooFast, b.Post(t, ops, "", boxtest.Hello), "the second fault follows the first")
	}
	b.ClearFaults()
	assert.Equal(t, boxtest.OK, b.Post(t, ops, "", boxtest.Hello))
}

func TestPreventedRequestsDoNotCountTowardsTheRate(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	robot := b.AddRobot(sandbox.Robot{Name: "ops", Rate: sandbox.Rate{PerMinute: 1}})
	b.Fault(sandbox.Fault{Kind: sandbox.FaultBusy})
	assert.Equal(t, boxtest.Answer(-1, "系统繁忙"), b.Post(t, robot, "", boxtest.Hello))
	assert.Equal(t, boxtest.OK, b.Post(t, robot, "", boxtest.Hello))
}

// The gate that blocks an address answers in no envelope, whichever generation it is.
func TestFaultBlocked(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	for _, path := range []string{"/topapi/v2/user/get?access_token=" + o.Token, "/v1.0/contact/users/search"} {
		o.Fault(sandbox.Fault{Kind: sandbox.FaultBlocked})
		status, got := o.Do(t, http.MethodPost, path, `{"userid":"user001","queryWord":"x","offset":0,"size":1}`, "x-acs-dingtalk-access-token", o.Token)
		assert.Equal(t, http.StatusOK, status)
		fields := boxtest.Read[map[string]any](t, got)
		assert.NotEmpty(t, fields["uuid"])
		delete(fields, "uuid")
		assert.Equal(t, map[string]any{"status": 1111.0, "wait": 5.0, "source": "x5", "punish": "deny"}, fields)
		assert.True(t, o.Attempts()[len(o.Attempts())-1].Refused())
	}
	o.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, ErrorCode: "systemBusy"})
	assert.Contains(t, o.Modern(t, 429, http.MethodPost, "/v1.0/contact/users/search", `{}`), `"message":"systemBusy"`)
}

func TestAddFaultRefusesNonsense(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault sandbox.Fault
		want  string
	}{
		"kind":   {sandbox.Fault{Kind: "bussy"}, `add fault "bussy": unknown kind`},
		"call":   {sandbox.Fault{Kind: sandbox.FaultBusy, Call: "robot.sent"}, `unknown call "robot.sent"`},
		"robot":  {sandbox.Fault{Kind: sandbox.FaultBusy, Robot: "nobody"}, "no robot has this name or token"},
		"times":  {sandbox.Fault{Kind: sandbox.FaultBusy, Times: -2}, "times must be -1 (always) or more, not -2"},
		"delay":  {sandbox.Fault{Kind: sandbox.FaultSlow}, "delay must be more than zero"},
		"code":   {sandbox.Fault{Kind: sandbox.FaultErrcode}, "code must be an errcode"},
		"status": {sandbox.Fault{Kind: sandbox.FaultEmpty, Status: 99}, "status must be an HTTP status"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := boxtest.Start(t)
			assert.ErrorContains(t, b.AddFault(tt.fault), tt.want)
			assert.Empty(t, b.Faults())
		})
	}
}
