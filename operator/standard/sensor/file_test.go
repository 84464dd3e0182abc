package sensor_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

func TestCheckFileSensor(t *testing.T) {
	t.Parallel()
	operatortest.Check(t, suite.Spec(t, "file_sensor"), operatortest.Options{
		Outcomes: map[string]operator.Kind{"Wait for the file of the day": operator.Waiting},
		Task: func(t *testing.T) *operatortest.Task {
			t.Helper()
			task, _ := tree(t, "deep/er/orders.tsv")
			task.Conns["inbox"] = task.Conns["fs_default"]
			return task
		},
	})
}

// tree makes empty files, and directories for names that end in a slash, below a
// directory to which the connection fs_default leads.
func tree(t *testing.T, names ...string) (*operatortest.Task, string) {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if name[len(name)-1] == '/' {
			dir = path
		}
		require.NoError(t, os.MkdirAll(dir, 0o750))
		if dir != path {
			require.NoError(t, os.WriteFile(path, nil, 0o600))
		}
	}
	task := operatortest.NewTask(t)
	task.Conns["fs_default"] = &connections.Connection{ID: "fs_default", Extra: new(connections.Secret(`{"path": "` + root + `"}`))}
	return task, root
}

func TestFileSensor(t *testing.T) {
	t.Parallel()
	files := []string{"a.csv", "in/b.csv", "in/deep/c.csv", "in/deep/.hidden/d.csv", ".e.csv", "empty/", "nested/empty/", "x[1].csv", `back\slash`}
	for text, want := range map[string]operator.Kind{
		"filepath: a.csv":                                      operator.Success,
		"filepath: b.csv":                                      operator.Waiting,
		"filepath: in/b.csv":                                   operator.Success,
		"filepath: ./in/../a.csv":                              operator.Success,
		"filepath: '*.csv'":                                    operator.Success,
		"filepath: '?.csv'":                                    operator.Success,
		"filepath: '??.csv'":                                   operator.Waiting,
		"filepath: '[a-c].csv'":                                operator.Success,
		"filepath: '[!a].csv'":                                 operator.Waiting,
		"filepath: '[^a].csv'":                                 operator.Success,
		"filepath: '[^b].csv'":                                 operator.Waiting,
		"filepath: 'x[[]1].csv'":                               operator.Success,
		"filepath: 'back\\s*'":                                 operator.Success,
		"filepath: '*e.csv'":                                   operator.Waiting,
		"filepath: '.*.csv'":                                   operator.Success,
		"filepath: 'in/*/c.csv'":                               operator.Success,
		"filepath: '*/*.csv'":                                  operator.Success,
		"filepath: '*/d.csv'":                                  operator.Waiting,
		"filepath: 'a.csv/*'":                                  operator.Waiting,
		"filepath: 'a.csv/b'":                                  operator.Waiting,
		"filepath: in":                                         operator.Success,
		"filepath: empty":                                      operator.Waiting,
		"filepath: nested":                                     operator.Waiting,
		"filepath: 'n*'":                                       operator.Waiting,
		"filepath: in/deep/.hidden":                            operator.Success,
		"filepath: '**/c.csv'":                                 operator.Waiting,
		"{filepath: '**/c.csv', recursive: true}":              operator.Success,
		"{filepath: '**/a.csv', recursive: true}":              operator.Success,
		"{filepath: 'in/**/c.csv', recursive: true}":           operator.Success,
		"{filepath: '**/deep/**/c.csv', recursive: true}":      operator.Success,
		"{filepath: '**/d.csv', recursive: true}":              operator.Waiting,
		"{filepath: '**/.hidden/d.csv', recursive: true}":      operator.Success,
		"{filepath: 'in/**', recursive: true}":                 operator.Success,
		"{filepath: 'empty/**', recursive: true}":              operator.Waiting,
		"{filepath: 'nested/**', recursive: true}":             operator.Waiting,
		"{filepath: '/no/such/dir/**/*.csv', recursive: true}": operator.Waiting,
	} {
		task, _ := tree(t, files...)
		assert.Equal(t, want, look(t, task, "file_sensor", text).Kind, text)
		assert.NotContains(t, task.LogText(), "level=WARN", text)
	}
}

func TestFileSensorFollowsLinks(t *testing.T) {
	t.Parallel()
	task, root := tree(t, "real/f.csv", "links/")
	for link, target := range map[string]string{"file": "real/f.csv", "dir": "real", "broken": "nothere", "loop": "loop"} {
		require.NoError(t, os.Symlink(filepath.Join(root, target), filepath.Join(root, "links", link)))
	}
	require.NoError(t, os.Symlink(root, filepath.Join(root, "real", "back")))
	for text, want := range map[string]operator.Kind{
		"filepath: links/file":                   operator.Success,
		"filepath: links/dir":                    operator.Success,
		"filepath: links/dir/f.csv":              operator.Success,
		"filepath: 'links/d*/f.csv'":             operator.Success,
		"filepath: links/broken":                 operator.Waiting,
		"filepath: links/loop":                   operator.Waiting,
		"filepath: 'links/b*'":                   operator.Waiting,
		"filepath: links":                        operator.Success,
		"filepath: 'links/loop/x'":               operator.Waiting,
		"filepath: 'links/broken/**'":            operator.Waiting,
		"{filepath: '**/none', recursive: true}": operator.Waiting,
	} {
		assert.Equal(t, want, look(t, task, "file_sensor", text).Kind, text)
	}
}

func TestFileSensorBase(t *testing.T) {
	t.Parallel()
	task, root := tree(t, "a.csv")
	delete(task.Conns, "fs_default")
	assert.Equal(t, operator.Success, look(t, task, "file_sensor", "filepath: "+root+"/a.csv").Kind, "an absolute path needs no connection")
	_, err := suite.Run(t, task, "file_sensor", "filepath: a.csv")
	require.ErrorIs(t, err, connections.ErrNotFound)
	require.ErrorContains(t, err, `connection "fs_default"`)
	for extra, want := range map[string]string{
		`{}`:             `connection "c" needs an absolute path in its extra`,
		`{"path": 3}`:    `connection "c" needs an absolute path in its extra`,
		`{"path": "in"}`: `connection "c" needs an absolute path in its extra`,
		`[`:              `connection "c": `,
	} {
		task.Conns["c"] = &connections.Connection{ID: "c", Extra: new(connections.Secret(extra))}
		_, err := suite.Run(t, task, "file_sensor", "{filepath: a.csv, fs_conn_id: c}")
		require.ErrorContains(t, err, want, extra)
	}
	suite.Refused(t, "file_sensor", map[string]string{
		"{}":                             `missing parameter "filepath"`,
		"filepath: 'in/[a'":              "syntax error in pattern",
		"filepath: ['a']":                "must be text",
		"{filepath: a, recursive: deep}": "must be true or false",
	})
	operatortest.Decode(t, suite.Spec(t, "file_sensor"), "{filepath: '{{ x[0] }}/[', deferrable: true}")
}

func TestFileSensorStops(t *testing.T) {
	t.Parallel()
	task, _ := tree(t, "in/a.csv")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(operator.ErrTimeout)
	_, err := operatortest.Decode(t, suite.Spec(t, "file_sensor"), "filepath: 'in/*'").Execute(ctx, task.TaskContext)
	require.ErrorIs(t, err, operator.ErrTimeout)
}
