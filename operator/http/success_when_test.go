package http_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// success_when looks at a response that is not an error: false fails the operator and makes
// the sensor wait, with the truth of short_circuit.
func TestSuccessWhen(t *testing.T) {
	t.Parallel()
	const body = `{"state": "done", "rows": 12345678901234567890, "items": []}`
	for when, want := range map[string]bool{
		"{{ response.json.state == 'done' }}":                true,
		"{{ response.json.state == 'busy' }}":                false,
		"{{ response.json.rows == 12345678901234567890 }}":   true,
		"{{ response.json['items'] }}":                       true, // prints as "[]", which is a text
		"{{ response.json['items'] | length }}":              false,
		"{{ response.status }}":                              true,
		"{{ response.status == 201 }}":                       true,
		"{{ response.headers['X-Left'] }}":                   false,
		"{{ response.headers['x-left'] == '0' }}":            true,
		"{{ response.headers['X-Two'] == 'a, b' }}":          true,
		"{{ 'done' in response.text }}":                      true,
		"{% if response.json.state == 'busy' %}x{% endif %}": false,
		"OFF": false, "none": false, "Null": false, "x": true, "''": true,
	} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			task, requests := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Left", "0")
				w.Header().Add("X-Two", "a")
				w.Header().Add("X-Two", "b")
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, body)
			})
			text := fmt.Sprintf("{endpoint: x, success_when: %q}", when)
			result, err := operatortest.Decode(t, spec(), text).Execute(t.Context(), task.TaskContext)
			_, waiting := operatortest.Decode(t, sensor(), text).Execute(t.Context(), task.TaskContext)
			assert.Len(t, requests.all(), 2)
			if want {
				require.NoError(t, err)
				require.NoError(t, waiting)
				assert.Equal(t, body, result)
				return
			}
			require.ErrorContains(t, err, "/base/x: success_when does not hold: answered 201 Created: {\"state\"")
			assert.Equal(t, operator.Retry, operator.Classify(t.Context(), err).Kind)
			assert.Equal(t, operator.Waiting, operator.Classify(t.Context(), waiting).Kind)
		})
	}
}

// A status that fails does so before, and a condition that cannot be rendered fails.
func TestSuccessWhenMistakes(t *testing.T) {
	t.Parallel()
	task, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "no JSON")
	})
	for text, want := range map[string]string{
		"{endpoint: broken, success_when: 'yes'}":                      "answered 500",
		"{endpoint: x, success_when: '{{ response.json }}'}":           "/base/x: success_when: template line 1, column 4: response.json is undefined",
		"{endpoint: x, success_when: '{{ response.jsn is defined }}'}": "success_when does not hold",
	} {
		_, err := execute(t, task, text)
		require.ErrorContains(t, err, want)
	}
	_, err := operatortest.Decode(t, sensor(), "{endpoint: x, success_when: '{{ response.json }}'}").Execute(t.Context(), task.TaskContext)
	require.ErrorContains(t, err, "response.json is undefined")
	_, err = execute(t, task, "{endpoint: broken, success_when: '{{ response.status == 500 }}', extra_options: {check_response: false}}")
	require.NoError(t, err)
}
