package python_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/operator/operatortest"
)

// versioned has the files of a version of a DAG, whatever the folder has by now.
type versioned struct {
	operator.Insight
	files map[string]string
}

func (v versioned) File(name string) (string, error) {
	text, ok := v.files[name]
	if !ok {
		return "", fs.ErrNotExist
	}
	return text, nil
}

// A try has the files as the version of the DAG has them: where the folder has others by now, and where there is no folder. What the version
// does not know is that of the folder.
func TestVersions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		files := map[string]string{
			"pkg/__init__.py": "", "pkg/work.py": "from .words import word\ndef f():\n    import os\n    from pkg import extra\n    return [word, extra.more, os.path.isabs(__file__)]\n",
			"pkg/words.py": "word = 'old'\n", "pkg/extra.py": "more = 'of the version'\n",
		}
		for name, c := range map[string]struct{ folder, want string }{
			"no folder":    {"", `["old", "of the version", true]`},
			"as it is":     {"same", `["old", "of the version", true]`},
			"edited since": {"edited", `["old", "of the version", true]`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				task := operatortest.NewTask(t)
				if c.folder == "" {
					task.DAGFolder = filepath.Join(task.DAGFolder, "gone")
				} else {
					for name, text := range files {
						write(t, task, name, text)
					}
				}
				if c.folder == "edited" {
					write(t, task, "pkg/words.py", "word = 'new'\n")
				}
				task.Insight = versioned{task.Insight, files}
				got, err := py.suite.Run(t, task, "python", "python_callable: pkg.work.f")
				require.NoError(t, err, task.LogText())
				assert.Equal(t, c.want, raw(got))
			})
		}
	})
}

// Values of templates_dict with the endings of templates_exts are the text of files, rendered.
func TestTemplateFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, py *interpreter) {
		t.Helper()
		task := task(t, "def f(templates_dict): return templates_dict")
		write(t, task, "count.sql", "SELECT {{ 1 + 1 }}")
		got, err := py.run(t, task, ", templates_dict: {q: count.sql, other: text}, templates_exts: [.sql]")
		require.NoError(t, err)
		assert.JSONEq(t, `{"q": "SELECT 2", "other": "text"}`, raw(got))
		_, err = py.run(t, task, ", templates_dict: {q: none.sql}, templates_exts: [.sql]")
		require.ErrorContains(t, err, "templates_dict: q: ")
	})
}

// What is part of the version: the file, and what it imports from the folders, however that is written.
func TestSources(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"work.py": "import os, one as o\nfrom pkg import (\n    two,  # a comment\n    name,\n)\nif True:\n    from pkg.sub import three\n# import never\ntext = 'import text'\n",
		"one.py":  "import work\n", "pkg/__init__.py": "from . import four\n", "pkg/two.py": "", "pkg/four.py": "from ..one import x\n",
		"pkg/sub/__init__.py": "", "pkg/sub/three.py": "from ...never import y\nfrom ..five import z", "pkg/five.py": "", "never.py": "", "text.py": "",
	}
	var read []string
	op := operatortest.Decode(t, operatortest.Suite(specs()).Spec(t, "python"), "{python_callable_file: work.py, python_callable_name: f}")
	err := op.(operator.Sourcer).Sources([]string{"folder"}, func(name string) (string, error) {
		text, ok := files[name]
		if !ok {
			return "", fs.ErrNotExist
		}
		read = append(read, name)
		return text, nil
	})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"work.py", "one.py", "pkg/__init__.py", "pkg/two.py", "pkg/four.py", "pkg/sub/__init__.py", "pkg/sub/three.py", "pkg/five.py", "never.py",
	}, read)
}

// Interpreters that are too old say so themselves, those of Python 2 too.
func TestOldInterpreters(t *testing.T) {
	t.Parallel()
	olds, err := filepath.Glob(filepath.Join(os.Getenv("HOME"), ".pyenv", "versions", "[23].[67].*", "bin", "python"))
	require.NoError(t, err)
	for _, old := range olds {
		_, err := operatortest.Suite(specs()).Run(t, task(t, "def f(): pass"), "python", "{python_callable: work.f, python: "+old+"}")
		require.ErrorContains(t, err, ": tasks need 3.8 or newer")
	}
}
