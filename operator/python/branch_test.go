package python_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
	"github.com/dingdag/dingdag/operator/python"
)

func TestChoices(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		no := operator.SkipDownstream{Value: json.RawMessage("[]")}
		for name, c := range map[string]struct {
			operator, returns, more string
			want                    any
		}{
			"an id":             {"branch_python", "'a'", "", operator.Branch{TaskIDs: []string{"a"}}},
			"ids":               {"branch_python", "('a', 'b')", "", operator.Branch{TaskIDs: []string{"a", "b"}, AsList: true}},
			"no ids":            {"branch_python", "[]", "", operator.Branch{TaskIDs: []string{}, AsList: true}},
			"nothing":           {"branch_python", "None", "", operator.Branch{}},
			"a number":          {"branch_python", "3", "", "a branch must return the id of a task, a list of ids or None, not 3"},
			"numbers":           {"branch_python", "[3]", "", "a branch must return the id of a task, a list of ids or None, not [3]"},
			"true":              {"short_circuit_python", "'yes'", "", json.RawMessage(`"yes"`)},
			"false text":        {"short_circuit_python", "'false'", "", json.RawMessage(`"false"`)},
			"false":             {"short_circuit_python", "[]", "", no},
			"none":              {"short_circuit_python", "None", "", operator.SkipDownstream{}},
			"directly below":    {"short_circuit_python", "False", ", ignore_downstream_trigger_rules: false", operator.SkipDownstream{Value: json.RawMessage("false"), DirectOnly: true}},
			"no truth":          {"short_circuit_python", "C()", "", "the truth of what the Python function returned is not defined"},
			"found":             {"python_sensor", "1", "", nil},
			"found object":      {"python_sensor", "object()", "", nil},
			"not yet":           {"python_sensor", "0", "", operator.Waiting},
			"found with result": {"python_sensor", "PokeReturnValue(True, xcom_value=[1])", "", json.RawMessage("[1]")},
			"not yet either":    {"python_sensor", "PokeReturnValue(False, xcom_value=[1])", "", operator.Waiting},
			"interpreter":       {"external_python", "5", ", python: '" + py.path + "', expect_airflow: false", json.RawMessage("5")},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := task(t, "from airflow.sdk.bases.sensor import PokeReturnValue\nclass C:\n    def __bool__(self): raise ValueError('which?')\n    def __str__(self): return 'c'\ndef f(): return "+c.returns+"\n")
				task.DropsResult = name == "no truth"
				got, err := py.suite.Run(t, task, c.operator, "{python_callable: work.f"+c.more+"}")
				switch want := c.want.(type) {
				case string:
					require.ErrorContains(t, err, want)
				case operator.Kind:
					assert.Equal(t, want, operator.Classify(t.Context(), err).Kind)
				default:
					require.NoError(t, err, task.LogText())
					assert.Equal(t, c.want, got)
				}
			})
		}
	})
}

// A function may say when it is to be called again.
func TestReschedules(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		task := task(t, "import datetime\nfrom airflow.exceptions import AirflowRescheduleException as E\ndef f(logical_date): raise E(logical_date + datetime.timedelta(days=1, minutes=5))\n")
		_, err := py.run(t, task, "")
		o := operator.Classify(t.Context(), err)
		assert.Equal(t, operator.Waiting, o.Kind)
		assert.Equal(t, "5m0s", o.RetryAfter.String())
	})
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		_, err := py.run(t, task(t, "import sys\ndef f(): sys.exit(7)"), ", skip_on_exit_code: [6, 7]")
		assert.Equal(t, operator.Skipped, operator.Classify(t.Context(), err).Kind)
	})
}

// Airflow's names mean these operators, and parameters of one that belong to another are told.
func TestNames(t *testing.T) {
	t.Parallel()
	suite := operatortest.Suite(python.Specs(python.Options{}))
	for path, name := range map[string]string{
		"airflow.operators.python.PythonOperator":                          "python",
		"airflow.operators.python_operator.BranchPythonOperator":           "branch_python",
		"airflow.providers.standard.operators.python.ShortCircuitOperator": "short_circuit_python",
		"airflow.sensors.python.PythonSensor":                              "python_sensor",
		"airflow.operators.python.ExternalPythonOperator":                  "external_python",
	} {
		assert.Equal(t, name, suite.Spec(t, path).Name)
	}
	suite.Refused(t, "short_circuit_python", map[string]string{"{python_callable: m.f, condition: x}": "a condition is that of operator: short_circuit"})
	suite.Refused(t, "external_python", map[string]string{"{python_callable: m.f}": "python is missing: name the interpreter"})
}
