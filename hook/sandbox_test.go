package hook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// setup starts a sandbox with one robot and a hook that leads to it.
func setup(t *testing.T, r sandbox.Robot, extra string) (*sandboxtest.Sandbox, *hook.DingdingHook) {
	t.Helper()
	box := sandboxtest.Start(t, sandboxtest.WithPathPrefix("/dingtalk"))
	r.Name = "ops"
	if r.Members == nil {
		r.Members = []sandbox.Member{{Mobile: "13800000001"}, {UserID: "u1"}}
	}
	robot := box.AddRobot(r)
	return box, newHook(t, conn{Host: box.URL, Password: robot.Token, Extra: extra})
}

func TestSandboxShowsEachType(t *testing.T) {
	t.Parallel()
	box, h := setup(t, sandbox.Robot{}, "")
	for _, tt := range []struct {
		msg  hook.RobotMessage
		want sandbox.Content
	}{
		{hook.Text("你好"), sandbox.Content{Text: "你好"}},
		{
			hook.Link("t", "x", "https://example.com/r", "https://example.com/p.png"),
			sandbox.Content{Title: "t", Text: "x", URL: "https://example.com/r", PictureURL: "https://example.com/p.png"},
		},
		{hook.Markdown("t", "# x"), sandbox.Content{Title: "t", Text: "# x"}},
		{
			hook.ActionCard(hook.Card{Title: "t", Text: "x", Buttons: []hook.Button{{"Open", "https://example.com/a"}}}),
			sandbox.Content{Title: "t", Text: "x", Buttons: []sandbox.Button{{Title: "Open", URL: "https://example.com/a"}}},
		},
		{
			hook.ActionCard(hook.Card{
				Title: "t", Text: "x", SideBySide: true,
				Buttons: []hook.Button{{"Yes", "https://example.com/y"}, {"No", "https://example.com/n"}},
			}),
			sandbox.Content{
				Title: "t", Text: "x", SideBySide: true,
				Buttons: []sandbox.Button{{Title: "Yes", URL: "https://example.com/y"}, {Title: "No", URL: "https://example.com/n"}},
			},
		},
		{
			hook.FeedCard(hook.FeedLink{"One", "https://example.com/1", "https://example.com/1.png"}),
			sandbox.Content{Links: []sandbox.FeedLink{{Title: "One", URL: "https://example.com/1", PictureURL: "https://example.com/1.png"}}},
		},
	} {
		box.Clear()
		_, err := h.Send(t.Context(), tt.msg)
		require.NoError(t, err)
		got := box.WaitMessages(1)[0]
		assert.Equal(t, tt.msg.Type, got.Type)
		assert.Equal(t, tt.want, got.Content)
	}
}

func TestSandboxNotifies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		msg  hook.RobotMessage
		want sandbox.Mentions
	}{
		"text":       {hook.Text("x"), sandbox.Mentions{Notified: []string{"13800000001", "u1"}}},
		"markdown":   {hook.Markdown("t", "x"), sandbox.Mentions{Notified: []string{"13800000001", "u1"}}},
		"actionCard": {hook.ActionCard(hook.Card{Title: "t", Text: "x", Buttons: []hook.Button{{"Open", "https://example.com/a"}}}), sandbox.Mentions{Notified: []string{"13800000001", "u1"}}},
		"long markdown": {
			hook.Markdown("t", "```\n"+strings.Repeat("a line of a log\n", 2000)+"```\n"), sandbox.Mentions{Notified: []string{"13800000001", "u1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, h := setup(t, sandbox.Robot{}, "")
			tt.msg.AtMobiles, tt.msg.AtUserIDs = []string{"13800000001"}, []string{"u1"}
			res, err := h.Send(t.Context(), tt.msg)
			require.NoError(t, err)
			got := box.WaitMessages(res.Parts)
			assert.Equal(t, tt.want, got[0].Mentions)
			for _, part := range got[1:] {
				assert.Empty(t, part.Mentions.Notified, "people are notified once")
			}
		})
	}
}

func TestSandboxRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		robot  sandbox.Robot
		extra  string
		kind   hook.Kind
		remedy string
	}{
		"keyword":   {sandbox.Robot{Keywords: []string{"report"}}, "", hook.KindAuth, "DingTalk does not say which word is missing"},
		"no sign":   {sandbox.Robot{Secret: "SEC1"}, "", hook.KindAuth, "copy the robot's secret"},
		"bad sign":  {sandbox.Robot{Secret: "SEC1"}, `{"secret":"SEC2"}`, hook.KindAuth, "copy the robot's secret"},
		"IP":        {sandbox.Robot{IPs: []string{"10.0.0.0/8"}}, "", hook.KindAuth, "to the robot's IP list"},
		"disabled":  {sandbox.Robot{Disabled: true}, "", hook.KindNotFound, "enable it in the group"},
		"disbanded": {sandbox.Robot{Disbanded: true}, "", hook.KindNotFound, "point the connection at a robot of another group"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, h := setup(t, tt.robot, tt.extra)
			_, err := h.Send(t.Context(), hook.Text("x"))
			var e *hook.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.kind, e.Kind)
			assert.Contains(t, e.Remedy(), tt.remedy)
			assert.Empty(t, box.Messages(sandbox.Filter{}))
		})
	}
	t.Run("unknown token", func(t *testing.T) {
		t.Parallel()
		box := sandboxtest.Start(t)
		_, err := newHook(t, conn{Host: box.URL, Password: token}).Send(t.Context(), hook.Text("x"))
		var e *hook.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, hook.KindAuth, e.Kind)
		assert.Contains(t, e.Remedy(), "copy the token")
	})
	t.Run("missing field", func(t *testing.T) {
		t.Parallel()
		_, h := setup(t, sandbox.Robot{}, "")
		_, err := h.Send(t.Context(), hook.RobotMessage{Type: hook.TypeMarkdown, Message: map[string]any{"text": "x"}})
		var e *hook.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, hook.KindInvalid, e.Kind)
		assert.Contains(t, e.Remedy(), "a field of the message is missing")
	})
}

func TestSandboxTakesWhatSecurityWants(t *testing.T) {
	t.Parallel()
	box, h := setup(t, sandbox.Robot{Keywords: []string{"report"}, Secret: "SEC1", IPs: []string{"127.0.0.1"}}, `{"secret":"SEC1"}`)
	_, err := h.Send(t.Context(), hook.Text("the report"))
	require.NoError(t, err)
	box.WaitMessages(1)
}

func TestSandboxThrottles(t *testing.T) {
	t.Parallel()
	_, h := setup(t, sandbox.Robot{Rate: sandbox.Rate{PerMinute: 1}}, "")
	_, err := h.Send(t.Context(), hook.Text("x"))
	require.NoError(t, err)
	_, err = h.Send(t.Context(), hook.Text("x"))
	var e *hook.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, hook.KindRateLimited, e.Kind)
	assert.Equal(t, 10*time.Minute, e.RetryDelay())
}

func TestSandboxFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault     sandbox.Fault
		want      hook.Kind
		delivered int
	}{
		"busy twice":  {sandbox.Fault{Kind: sandbox.FaultBusy, Times: 2}, "", 1},
		"blocked":     {sandbox.Fault{Kind: sandbox.FaultBlocked}, hook.KindRateLimited, 0},
		"HTML 503":    {sandbox.Fault{Kind: sandbox.FaultHTML}, hook.KindUnavailable, 0},
		"empty 504":   {sandbox.Fault{Kind: sandbox.FaultEmpty}, hook.KindUncertain, 0},
		"empty 200":   {sandbox.Fault{Kind: sandbox.FaultEmpty, Status: 200}, hook.KindUncertain, 0},
		"cut":         {sandbox.Fault{Kind: sandbox.FaultCut}, hook.KindUncertain, 0},
		"broken JSON": {sandbox.Fault{Kind: sandbox.FaultBrokenJSON}, hook.KindUncertain, 1},
		"answer lost": {sandbox.Fault{Kind: sandbox.FaultAnswerLost}, hook.KindUncertain, 1},
		"slow":        {sandbox.Fault{Kind: sandbox.FaultSlow, Delay: 10 * time.Minute}, hook.KindUncertain, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, h := setup(t, sandbox.Robot{}, `{"timeout":0.3}`)
			box.Fault(tt.fault)
			_, err := h.Send(t.Context(), hook.Text("x"))
			if tt.want == "" {
				require.NoError(t, err)
			} else {
				var e *hook.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, tt.want, e.Kind)
			}
			assert.Len(t, box.Messages(sandbox.Filter{}), tt.delivered)
		})
	}
}

// With a UUID a message whose answer was lost can be sent again without harm.
func TestSandboxDropsASecondMessageWithTheSameUUID(t *testing.T) {
	t.Parallel()
	box, h := setup(t, sandbox.Robot{}, "")
	box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost})
	m := hook.Text("x")
	m.UUID = "run-42"
	_, err := h.Send(t.Context(), m)
	require.Error(t, err)
	_, err = h.Send(t.Context(), m)
	require.NoError(t, err)
	assert.Len(t, box.Messages(sandbox.Filter{}), 1)
}
