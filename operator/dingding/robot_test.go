package dingding_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/robot"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/dingding"
	"github.com/dingdag/dingdag/operator/dingding/internal/apptest"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = apptest.Suite(dingding.Specs)

const secret = "SEC0123456789"

func TestDingdingOperator(t *testing.T) {
	t.Parallel()
	var boxes sync.Map // of the tasks
	operatortest.Check(t, spec(t), operatortest.Options{
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task, box := newTask(t, sandbox.Robot{})
			boxes.Store(task, box)
			if strings.HasSuffix(t.Name(), "canceled_while_running") {
				box.Fault(sandbox.Fault{Kind: sandbox.FaultSlow, Delay: time.Minute})
			}
			return task
		},
		Secrets:  []string{sandbox.DemoRobot("ops").Token, secret},
		Blocking: "{message: slow, on_uncertain: retry}",
		Running: func(t *testing.T, task *operatortest.Task) {
			t.Helper()
			box, _ := boxes.Load(task)
			box.(*sandboxtest.Sandbox).WaitMessages(1)
		},
	})
}

func TestExecuteSends(t *testing.T) {
	t.Parallel()
	task, box := newTask(t, sandbox.Robot{})
	result, err := execute(t, task, `
message_type: markdown
message: {title: Report, text: all well}
at_mobiles: [13800000001]
at_user_ids: u1
`)
	require.NoError(t, err)
	assert.Equal(t, dingding.Sent{
		ConnID: "dingding_default", MessageType: "markdown", Message: map[string]any{"title": "Report", "text": "all well"}, Parts: 1,
	}, result, "what was sent, in how many parts")
	got := box.WaitMessages(1)[0]
	assert.Equal(t, "all well\n\n@13800000001 @u1", got.Content.Text)
	assert.Equal(t, []string{"13800000001", "u1"}, got.Mentions.Notified)
	assert.NotContains(t, string(got.Raw), "msgUuid", "the body is Airflow's")
}

func TestExecuteSplits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a line of a report, ", 2000)
	task, box := newTask(t, sandbox.Robot{})
	_, err := execute(t, task, "message: "+long)
	require.NoError(t, err)
	assert.Len(t, box.WaitMessages(3), 3)

	_, err = execute(t, task, "{split: false, message: '{{ long }}'}")
	assert.Equal(t, operator.Failed, operator.Classify(t.Context(), err).Kind)
	require.ErrorContains(t, err, "splitting is switched off")
}

// What becomes of the try, for each kind of error.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		robot      sandbox.Robot
		fault      sandbox.Fault
		yaml       string
		want       operator.Kind
		retryAfter time.Duration
	}{
		"empty after rendering":    {yaml: "{message: '{{ nothing }}'}", want: operator.Failed},
		"nobody after rendering":   {yaml: "{message: x, at_mobiles: '{{ nobody }}'}", want: operator.Failed},
		"auth":                     {robot: sandbox.Robot{Keywords: []string{"report"}}, yaml: "message: x", want: operator.Failed},
		"not found":                {robot: sandbox.Robot{Disbanded: true}, yaml: "message: x", want: operator.Failed},
		"no such connection":       {yaml: "{message: x, dingding_conn_id: nowhere}", want: operator.Failed},
		"rate limited":             {fault: sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 660026}, yaml: "message: x", want: operator.Retry, retryAfter: 10 * time.Minute},
		"unavailable":              {fault: sandbox.Fault{Kind: sandbox.FaultHTML}, yaml: "message: x", want: operator.Retry},
		"uncertain":                {fault: sandbox.Fault{Kind: sandbox.FaultAnswerLost}, yaml: "message: x", want: operator.Failed},
		"uncertain, and try again": {fault: sandbox.Fault{Kind: sandbox.FaultAnswerLost}, yaml: "{message: x, on_uncertain: retry}", want: operator.Retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			task, box := newTask(t, tt.robot)
			if tt.fault.Kind != "" {
				box.Fault(tt.fault)
			}
			_, err := execute(t, task, tt.yaml)
			got := operator.Classify(t.Context(), err)
			assert.Equal(t, tt.want, got.Kind, "error: %v", err)
			assert.Equal(t, tt.retryAfter, got.RetryAfter)
			if name == "nobody after rendering" {
				require.ErrorContains(t, err, `parameter "at_mobiles": it is empty`)
				return
			}
			var e *hook.Error
			require.ErrorAs(t, err, &e)
		})
	}
}

// With on_uncertain: retry a second try does not post twice, but a cleared task does
// post again.
func TestUncertainRetryPostsOnce(t *testing.T) {
	t.Parallel()
	task, box := newTask(t, sandbox.Robot{})
	box.Fault(sandbox.Fault{Kind: sandbox.FaultAnswerLost})
	const text = "{message: x, on_uncertain: retry}"
	_, err := execute(t, task, text)
	require.Error(t, err)
	task.TryNumber = 2
	_, err = execute(t, task, text)
	require.NoError(t, err)
	assert.Len(t, box.Messages(sandbox.Filter{}), 1)

	task.TryNumber, task.MaxTries = 3, 3
	_, err = execute(t, task, text)
	require.NoError(t, err)
	assert.Len(t, box.Messages(sandbox.Filter{}), 2)
}

func TestRepeatSafe(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"message: x": false, "{message: x, on_uncertain: fail}": false, "{message: x, on_uncertain: retry}": true} {
		op, ok := operatortest.Decode(t, spec(t), text).(operator.RepeatChecker)
		require.True(t, ok)
		assert.Equal(t, want, op.RepeatSafe(), text)
	}
}

func TestExecuteWithoutSpec(t *testing.T) {
	t.Parallel()
	task, box := newTask(t, sandbox.Robot{})
	op := &dingding.DingdingOperator{Params: robot.Params{ConnID: "dingding_default"}, Message: "from Go"}
	_, err := op.Execute(t.Context(), task.TaskContext)
	require.NoError(t, err)
	assert.Equal(t, "from Go", box.WaitMessages(1)[0].Content.Text)
}

func TestDecodeFindings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml, want string
		line       int
		warning    bool
	}{
		"no message":                {"message_type: text", `missing parameter "message"`, 0, false},
		"null message":              {"message:", "message", 1, false},
		"wrong on_uncertain":        {"message: x\non_uncertain: again", "on_uncertain", 2, false},
		"unsupported type":          {"message_type: image\nmessage: x", "must be one of text, link, markdown, actionCard, feedCard, not \"image\"", 1, false},
		"misspelled type":           {"message_type: actioncard\nmessage: x", "did you mean", 1, false},
		"empty message":             {"message: ''", "the text message is empty", 1, false},
		"too long":                  {"split: false\nmessage: " + strings.Repeat("x", 20000), "splitting is switched off", 2, false},
		"not a valid mobile number": {"message: x\nat_mobiles: [13800000001, bob]", `"bob" is not a valid mobile number`, 2, false},
		"empty mobile number":       {"message: x\nat_mobiles: ['']", "it is empty, which notifies nobody", 2, true},
		"empty user id":             {"message: x\nat_user_ids: ' '", "it is empty, which notifies nobody", 2, true},
		"true is no list":           {"message: x\nat_mobiles: true", `parameter "at_mobiles[0]" must be text`, 2, false},
		"at in a link":              {"message_type: link\nat_all: true\nmessage: {title: t, text: x, messageUrl: u}", "notify nobody in a link message", 3, true},
		"misspelled field":          {"message_type: link\nmessage: {title: t, text: x, messageUrl: u, picURL: p}", "spells picUrl, not picURL", 2, true},
		"Airflow's own names":       {"message: x\nat_mobile: [1]", `unknown parameter "at_mobile"`, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := spec(t).Decode(operatortest.Parameters(t, tt.yaml))
			require.Len(t, problems, 1)
			assert.Contains(t, problems[0].Text, tt.want)
			assert.Equal(t, tt.line, problems[0].Line)
			assert.Equal(t, tt.warning, problems[0].Warning)
			assert.Equal(t, !tt.warning, params.Failed(problems))
		})
	}
}

func TestRegistryKnowsAirflowsPaths(t *testing.T) {
	t.Parallel()
	r, err := operator.NewRegistry(dingding.Specs(hook.New(nil))...)
	require.NoError(t, err)
	for _, name := range []string{
		"dingding",
		"airflow.providers.dingding.operators.dingding.DingdingOperator",
		"airflow.contrib.operators.dingding_operator.DingdingOperator",
	} {
		_, found := r.Lookup(name)
		assert.True(t, found, name)
	}
}

func TestWhatIsTemplated(t *testing.T) {
	t.Parallel()
	op := operatortest.Decode(t, spec(t), "{message_type: markdown, message: {title: t, text: '{{ ds }}'}, dingding_conn_id: '{{ x }}', at_mobiles: ['{{ y }}'], at_user_ids: ['{{ z }}']}")
	var fields []string
	rendered, err := spec(t).Render(op, func(field, text string) (any, error) {
		fields = append(fields, field)
		return strings.ToUpper(text), nil
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{"message.title", "message.text", "at_mobiles[0]", "at_user_ids[0]"}, fields)
	got, ok := rendered.(*dingding.DingdingOperator)
	require.True(t, ok)
	assert.Equal(t, map[string]any{"title": "T", "text": "{{ DS }}"}, got.Message)

	_, err = spec(t).Render(op, func(string, string) (any, error) { return nil, errors.New("undefined") })
	require.ErrorContains(t, err, "render ")
}

// People come out of templates, several at once, as people write their numbers.
func TestPeopleFromTemplates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"{message: x, at_mobiles: '{{ oncall }}'}":                        {"13800000001", "13800000002"},
		"{message: x, at_mobiles: [138 0000 0001, 13800000002]}":          {"13800000001", "13800000002"},
		"{message: x, at_mobiles: false, at_user_ids: false}":             nil,
		"{message: x, at_mobiles: no, at_user_ids: [u1, 'u2, u3', u1]}":   {"u1", "u2", "u3"},
		"{message: x, at_mobiles: '13800000001;13800000001,13800000002'}": {"13800000001", "13800000002"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			task, box := newTask(t, sandbox.Robot{Members: []sandbox.Member{
				{Mobile: "13800000001"}, {Mobile: "13800000002"}, {UserID: "u1"}, {UserID: "u2"}, {UserID: "u3"},
			}})
			_, err := execute(t, task, text)
			require.NoError(t, err)
			var sent struct {
				At map[string]any `json:"at"`
			}
			require.NoError(t, json.Unmarshal(box.WaitMessages(1)[0].Raw, &sent))
			var people []string
			for _, key := range []string{"atMobiles", "atUserIds"} {
				list, _ := sent.At[key].([]any)
				for _, one := range list {
					people = append(people, one.(string))
				}
			}
			assert.Equal(t, want, people)
		})
	}
}

// A try that comes after some parts had arrived sends the others, also when the process
// died in between, which leaves the record alone.
func TestRetryOfASplitMessage(t *testing.T) {
	t.Parallel()
	long := "{message: '" + strings.Repeat("a line of a report, ", 2000) + "'}"
	task, box := newTask(t, sandbox.Robot{})
	kept := task.Progress
	task.Progress = &onSave{Progress: kept, then: func() { box.Fault(sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 660026}) }}
	_, err := execute(t, task, long)
	require.ErrorContains(t, err, "part 2 of 3 (part 1 was delivered)")
	task.TryNumber, task.Progress = 2, kept
	result, err := execute(t, task, long)
	require.NoError(t, err)
	assert.Equal(t, 3, result.(dingding.Sent).Parts)
	var begins []string
	for _, m := range box.Messages(sandbox.Filter{}) {
		begins = append(begins, m.Content.Text[:5])
	}
	assert.Equal(t, []string{"(1/3)", "(2/3)", "(3/3)"}, begins)

	// Another text is another message: nothing of it has arrived.
	task.TryNumber = 3
	_, err = execute(t, task, strings.Replace(long, "a line", "the line", 1))
	require.NoError(t, err)
	assert.Equal(t, 6, len(box.Messages(sandbox.Filter{})))
}

// onSave does something after each part that arrived.
type onSave struct {
	operator.Progress

	then func()
}

func (o *onSave) Save(ctx context.Context, key, value string) error {
	defer o.then()
	return o.Progress.Save(ctx, key, value)
}

// closedGateError lets nothing pass.
type closedGateError struct{}

func (closedGateError) Error() string       { return "the robot has had its messages of this minute" }
func (closedGateError) Wait() time.Duration { return 42 * time.Second }
func (closedGateError) Enter(context.Context, hook.GateRobot) (hook.GatePass, error) {
	return nil, closedGateError{}
}
func (closedGateError) Ask(context.Context, hook.GateRobot) error   { return closedGateError{} }
func (closedGateError) Leave(context.Context, hook.GateRobot) error { return nil }

// A task waits for the robot, which is no failure.
func TestExecuteWaitsForTheGate(t *testing.T) {
	t.Parallel()
	task, box := newTask(t, sandbox.Robot{})
	h := hook.New(nil, hook.WithGate(closedGateError{}))
	t.Cleanup(h.CloseIdleConnections)
	op, problems := dingding.Specs(h)[0].Decode(operatortest.Parameters(t, "message: hi"))
	require.False(t, params.Failed(problems), problems)
	_, err := op.Execute(t.Context(), task.TaskContext)
	o := operator.Classify(t.Context(), err)
	assert.Equal(t, operator.Waiting, o.Kind, "%v", err)
	assert.Equal(t, 42*time.Second, o.RetryAfter)
	assert.Contains(t, o.Reason, "the robot has had its messages of this minute")
	assert.Empty(t, box.Messages(sandbox.Filter{}))
}

func spec(t *testing.T) operator.Spec {
	t.Helper()
	h := hook.New(nil)
	t.Cleanup(h.CloseIdleConnections)
	return dingding.Specs(h)[0]
}

// newTask returns a task with a connection to a robot of a new sandbox.
func newTask(t *testing.T, r sandbox.Robot) (*operatortest.Task, *sandboxtest.Sandbox) {
	t.Helper()
	box := sandboxtest.Start(t)
	r.Name, r.Token, r.Secret = "ops", sandbox.DemoRobot("ops").Token, secret
	if r.Members == nil {
		r.Members = []sandbox.Member{{Mobile: "13800000001"}, {UserID: "u1"}}
	}
	robot := box.AddRobot(r)
	task := operatortest.NewTask(t)
	password, extra := connections.Secret(box.WebhookURL(robot)), connections.Secret(`{"secret": "`+secret+`"}`)
	task.Conns["dingding_default"] = &connections.Connection{ID: "dingding_default", Type: "dingding", Password: &password, Extra: &extra}
	return task, box
}

func execute(t *testing.T, task *operatortest.Task, text string) (any, error) {
	t.Helper()
	op, problems := spec(t).Decode(operatortest.Parameters(t, text))
	require.False(t, params.Failed(problems), problems)
	op, err := spec(t).Render(op, func(_, text string) (any, error) {
		return strings.NewReplacer("{{ nothing }}", "", "{{ nobody }}", " ", "{{ long }}", strings.Repeat("a line of a report, ", 2000), "{{ oncall }}", "138 0000 0001，13800000002").Replace(text), nil
	})
	require.NoError(t, err)
	return op.Execute(t.Context(), task.TaskContext)
}
