package env_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/connections/env"
)

func lookup(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, ok := set[name]
		return text, ok
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set     map[string]string
		id      string
		want    string // type of the connection, "" for not found
		wantErr string
	}{
		"Airflow's name":          {set: map[string]string{"AIRFLOW_CONN_MY_ID": "a://h"}, id: "my_id", want: "a"},
		"own name":                {set: map[string]string{"DINGDAG_CONN_MY_ID": "d://h"}, id: "my_id", want: "d"},
		"own name first":          {set: map[string]string{"AIRFLOW_CONN_X": "a://h", "DINGDAG_CONN_X": "d://h"}, id: "x", want: "d"},
		"id in any case":          {set: map[string]string{"AIRFLOW_CONN_MYID": "a://h"}, id: "MyId", want: "a"},
		"dash stays":              {set: map[string]string{"AIRFLOW_CONN_MY-DASH": "a://h"}, id: "my-dash", want: "a"},
		"dash is no underscore":   {set: map[string]string{"AIRFLOW_CONN_MY_DASH": "a://h"}, id: "my-dash"},
		"dot stays":               {set: map[string]string{"AIRFLOW_CONN_MY.DOT": "a://h"}, id: "my.dot", want: "a"},
		"name in lower case":      {set: map[string]string{"airflow_conn_x": "a://h"}, id: "x"},
		"JSON":                    {set: map[string]string{"AIRFLOW_CONN_X": ` {"conn_type": "j"}`}, id: "x", want: "j"},
		"surrounding space":       {set: map[string]string{"AIRFLOW_CONN_X": " a://h\n"}, id: "x", want: "a"},
		"empty":                   {set: map[string]string{"AIRFLOW_CONN_X": ""}, id: "x"},
		"blank":                   {set: map[string]string{"AIRFLOW_CONN_X": " \n"}, id: "x"},
		"empty own name":          {set: map[string]string{"DINGDAG_CONN_X": "", "AIRFLOW_CONN_X": "a://h"}, id: "x", want: "a"},
		"nothing":                 {id: "x"},
		"malformed URI":           {set: map[string]string{"AIRFLOW_CONN_X": "s3cr3t"}, id: "x", wantErr: "environment variable AIRFLOW_CONN_X: connection \"x\": no \"://\""},
		"malformed JSON":          {set: map[string]string{"DINGDAG_CONN_X": `{"s3cr3t`}, id: "x", wantErr: "environment variable DINGDAG_CONN_X: "},
		"malformed own name wins": {set: map[string]string{"DINGDAG_CONN_X": "s3cr3t", "AIRFLOW_CONN_X": "a://h"}, id: "x", wantErr: "DINGDAG_CONN_X"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := env.New(lookup(tt.set)).Connection(t.Context(), tt.id)
			switch {
			case tt.wantErr != "":
				require.ErrorContains(t, err, tt.wantErr)
				require.NotErrorIs(t, err, connections.ErrNotFound)
				assert.NotContains(t, err.Error(), "s3cr3t")
			case tt.want == "":
				require.ErrorIs(t, err, connections.ErrNotFound)
				require.ErrorContains(t, err, tt.id)
			default:
				require.NoError(t, err)
				assert.Equal(t, tt.want, c.Type)
				assert.Equal(t, tt.id, c.ID)
			}
		})
	}
}

func TestVariable(t *testing.T) {
	t.Parallel()
	source := env.New(lookup(map[string]string{
		"AIRFLOW_VAR_A": "airflow", "DINGDAG_VAR_B": " own ", "AIRFLOW_VAR_B": "airflow", "DINGDAG_VAR_EMPTY": "",
		"AIRFLOW_CONN_C": "t://h",
	}))
	for key, want := range map[string]string{"a": "airflow", "b": " own "} {
		text, err := source.Variable(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, want, text)
	}
	for _, key := range []string{"empty", "c"} {
		_, err := source.Variable(t.Context(), key)
		require.ErrorIs(t, err, connections.ErrNotFound)
		require.ErrorContains(t, err, key)
	}
}

// TestProcessEnvironment is not parallel, because it sets the environment.
func TestProcessEnvironment(t *testing.T) {
	t.Setenv("AIRFLOW_CONN_OF_THE_PROCESS", "t://h")
	c, err := env.New(nil).Connection(t.Context(), "of_the_process")
	require.NoError(t, err)
	assert.Equal(t, "t", c.Type)
}

func TestNames(t *testing.T) {
	t.Parallel()
	environ := map[string]string{"AIRFLOW_CONN_A": "http://h", "DINGDAG_VAR_B": "1", "AIRFLOW_VAR_B": "2", "AIRFLOW_VAR_C": " "}
	s := env.New(func(name string) (string, bool) { v, ok := environ[name]; return v, ok })
	assert.Equal(t, []string{"AIRFLOW_CONN_A", "", "DINGDAG_VAR_B", "", ""},
		[]string{s.ConnectionName("a"), s.ConnectionName("b"), s.VariableName("b"), s.VariableName("c"), s.VariableName("a")})
}
