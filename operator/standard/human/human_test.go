package human_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/standard/human"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = operatortest.Suite(human.Specs())

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, s := range human.Specs() {
		outcomes := map[string]operator.Kind{}
		for _, e := range s.Examples {
			outcomes[e.Title] = operator.Asking
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			operatortest.Check(t, s, operatortest.Options{Outcomes: outcomes})
		})
	}
}

// reply is the context of a try that was answered.
func reply(t *testing.T, r operator.Reply) *operatortest.Task {
	t.Helper()
	task := operatortest.NewTask(t)
	r.At = time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	task.Reply = &r
	return task
}

var (
	ann    = &operator.Person{ID: "u1", Name: "Ann"}
	fields = json.RawMessage(`{"rows":5}`)
)

// What answers lead to, as the tests of Airflow's provider have it.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op, yaml string
		reply    operator.Reply
		want     string // JSON
		err      string
	}{
		"hitl": {
			"hitl", "{subject: s, options: [a, b]}",
			operator.Reply{Chosen: []string{"b"}, Params: fields, By: ann},
			`{"chosen_options": ["b"], "params_input": {"rows": 5}, "responded_at": "2026-01-31T06:00:00Z", "responded_by_user": {"id": "u1", "name": "Ann"}}`, "",
		},
		"hitl by default": {
			"hitl", "{subject: s, options: [a, b], defaults: a}",
			operator.Reply{Chosen: []string{"a"}, TimedOut: true},
			`{"chosen_options": ["a"], "params_input": {}, "responded_at": "2026-01-31T06:00:00Z", "responded_by_user": null}`, "",
		},
		"hitl without an answer": {"hitl", "{subject: s, options: [a]}", operator.Reply{TimedOut: true}, "", "nobody answered in time, and there are no defaults"},
		"approved": {
			"approval", "subject: s",
			operator.Reply{Chosen: []string{"Approve"}, By: ann},
			`{"chosen_options": ["Approve"], "params_input": {}, "responded_at": "2026-01-31T06:00:00Z", "responded_by_user": {"id": "u1", "name": "Ann"}}`, "",
		},
		"rejected": {
			"approval", "subject: s",
			operator.Reply{Chosen: []string{"Reject"}, By: ann},
			`{"Value": {"chosen_options": ["Reject"], "params_input": {}, "responded_at": "2026-01-31T06:00:00Z", "responded_by_user": {"id": "u1", "name": "Ann"}}, "DirectOnly": true}`, "",
		},
		"a rejection fails": {"approval", "{subject: s, fail_on_reject: true}", operator.Reply{Chosen: []string{"Reject"}, By: ann}, "", "it was rejected, and fail_on_reject is set"},
		"branch":            {"hitl_branch", "{subject: s, options: [a, b]}", operator.Reply{Chosen: []string{"b"}, By: ann}, `{"TaskIDs": ["b"], "AsList": true}`, ""},
		"branch with a map": {"hitl_branch", "{subject: s, options: [Aye, b], options_mapping: {Aye: a}, multiple: true}", operator.Reply{Chosen: []string{"Aye", "b"}, By: ann}, `{"TaskIDs": ["a", "b"], "AsList": true}`, ""},
		"branch, no answer": {"hitl_branch", "{subject: s, options: [a]}", operator.Reply{TimedOut: true}, "", "nobody answered"},
		"entry by default":  {"hitl_entry", "subject: s", operator.Reply{Chosen: []string{"OK"}, Params: fields, TimedOut: true}, `{"chosen_options": ["OK"], "params_input": {"rows": 5}, "responded_at": "2026-01-31T06:00:00Z", "responded_by_user": null}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := suite.Run(t, reply(t, c.reply), c.op, c.yaml)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind, "a retry asks again")
				return
			}
			require.NoError(t, err)
			b, err := json.Marshal(got)
			require.NoError(t, err)
			assert.JSONEq(t, c.want, string(b))
		})
	}
}

func TestQuestions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op, yaml string
		want     operator.Question
	}{
		"hitl": {
			"hitl", "{subject: s, body: b, options: [a, b], multiple: true, defaults: [a, b], assigned_users: [{id: '007', name: Ann}, {id: u2}]}",
			operator.Question{
				Subject: "s", Body: "b", Options: []string{"a", "b"}, Multiple: true, Defaults: []string{"a", "b"},
				Assigned: []operator.Person{{ID: "007", Name: "Ann"}, {ID: "u2"}},
			},
		},
		"one user, a default, a time": {
			"hitl", "{subject: s, options: [a], defaults: a, assigned_users: {id: 7, name: Ann}, response_timeout: 3600}",
			operator.Question{Subject: "s", Options: []string{"a"}, Defaults: []string{"a"}, Timeout: time.Hour, Assigned: []operator.Person{{ID: "7", Name: "Ann"}}},
		},
		"branch": {
			"hitl_branch", "{subject: s, options: [a, b], multiple: true, response_timeout: {__type__: datetime.timedelta, minutes: 5}}",
			operator.Question{Subject: "s", Options: []string{"a", "b"}, Multiple: true, Timeout: 5 * time.Minute},
		},
		"approval":                   {"approval", "{subject: s, defaults: Reject}", operator.Question{Subject: "s", Options: []string{"Approve", "Reject"}, Defaults: []string{"Reject"}}},
		"entry":                      {"hitl_entry", "subject: s", operator.Question{Subject: "s", Options: []string{"OK"}, Defaults: []string{"OK"}}},
		"entry with options":         {"hitl_entry", "{subject: s, options: [Go]}", operator.Question{Subject: "s", Options: []string{"Go"}}},
		"entry with its own default": {"hitl_entry", "{subject: s, options: [Go, Wait], defaults: Wait}", operator.Question{Subject: "s", Options: []string{"Go", "Wait"}, Defaults: []string{"Wait"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := suite.Run(t, operatortest.NewTask(t), c.op, c.yaml)
			o := operator.Classify(t.Context(), err)
			require.Equal(t, operator.Asking, o.Kind)
			assert.Equal(t, &c.want, o.Question)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	suite.Refused(t, "hitl", map[string]string{
		"options: [a]":                                            `missing parameter "subject"`,
		"subject: s":                                              `missing parameter "options"`,
		"{subject: s, options: []}":                               "options is empty",
		"{subject: s, options: [a, a]}":                           `option "a" appears twice`,
		"{subject: s, options: [a, '']}":                          "option 2 is empty",
		"{subject: s, options: [east, b], defaults: [eas]}":       `"eas" is not one of the options east, b; did you mean "east"?`,
		"{subject: s, options: [a, b], defaults: [a, b]}":         "several defaults need multiple: true",
		"{subject: s, options: [a, b], defaults: []}":             "defaults is empty",
		"{subject: s, options: [a], assigned_users: [{name: x}]}": `missing parameter "id"`,
		"{subject: s, options: [a], respondents: x}":              "respondents",
		"{subject: s, options: [a], response_timeout: -5}":        "response_timeout",
		"{subject: s, options: [a], response_timeout: soon}":      "response_timeout",
	})
	suite.Refused(t, "approval", map[string]string{
		"{subject: s, options: [a]}":    "an approval has the options Approve and Reject",
		"{subject: s, multiple: true}":  "an approval has the options Approve and Reject",
		"{subject: s, defaults: Maybe}": `"Maybe" is not one of the options Approve, Reject`,
	})
	suite.Refused(t, "hitl_branch", map[string]string{
		"{subject: s, options: [a], options_mapping: {b: x}}":   `"b" is not one of the options a`,
		"{subject: s, options: [a], options_mapping: {a: ''}}":  `option "a" leads to no task`,
		"{subject: s, options: [a], options_mapping: {a: [x]}}": "must be text",
	})
	suite.Refused(t, "hitl_entry", map[string]string{"{subject: s, options: []}": "options is empty"})
}
