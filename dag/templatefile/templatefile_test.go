package templatefile_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/templatefile"
)

// folder makes a folder with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return dir
}

func collect(dirs ...string) *templatefile.Collector {
	c := &templatefile.Collector{}
	c.In(dirs)
	c.Use()
	return c
}

// names are the files of a version, those without a content in parentheses.
func names(f *dag.TemplateFiles) (out []string) {
	for _, one := range f.Files {
		name := one.Name
		if one.Hash == "" {
			name = "(" + name + ")"
		}
		out = append(out, name)
	}
	return out
}

// A file is taken once, under one name, from the first folder that has it.
func TestFilesAreTaken(t *testing.T) {
	t.Parallel()
	near, far := folder(t, map[string]string{"b.sql": "near"}), folder(t, map[string]string{"b.sql": "far", "sub/a.sql": "a"})
	c := collect(near, far)
	for name, want := range map[string]string{"b.sql": "near", "./b.sql": "near", "sub/../sub/a.sql": "a"} {
		text, err := c.Read(name)
		require.NoError(t, err)
		assert.Equal(t, want, text, name)
	}
	_, err := c.Read("gone.sql")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, fmt.Sprintf("no file %q in %s or %s", "gone.sql", near, far))
	_, err = c.Read("../b.sql")
	require.ErrorContains(t, err, "lies outside")
	f := c.Files()
	assert.Equal(t, []string{"b.sql", "sub/a.sql"}, names(f))
	assert.False(t, f.Partial)
	assert.Empty(t, c.LeftOut())
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte("near"))), f.Named("b.sql").Hash)
	text, ok := f.Named("b.sql").Text.Get()
	assert.True(t, ok)
	assert.Equal(t, "near", text)
	assert.Nil(t, f.Named("gone.sql"))
	assert.Nil(t, (&templatefile.Collector{}).Files(), "a DAG whose fields name no files")
}

// A name with templates in it may mean each file that begins and ends like it.
func TestNamesThatAreTemplates(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"a.sql": "", "load.sql": "", "load.sh": "", "sub/a.sql": "", "sub/load_1.sql": "", "sub/deep/load.sql": "", "substitute/a.sql": "",
		".hidden.sql": "", ".git/a.sql": "", "asql": "", "sub/large.sql": strings.Repeat("x", templatefile.MaxBytes+1),
	})
	search := folder(t, map[string]string{"far.sql": "", "a.sql": ""})
	require.NoError(t, os.Symlink("load.sql", filepath.Join(dir, "link.sql")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dead.sql")))
	for name, want := range map[string][]string{
		"{{ x }}.sql":                     {"a.sql", "dead.sql", "far.sql", "link.sql", "load.sql", "sub/a.sql", "sub/deep/load.sql", "sub/large.sql", "sub/load_1.sql", "substitute/a.sql"},
		"./{{ x }}.sh":                    {"load.sh"},
		"sub/{{ x }}.sql":                 {"sub/a.sql", "sub/deep/load.sql", "sub/large.sql", "sub/load_1.sql"},
		"sub/lo{% if x %}{% endif %}.sql": {"sub/load_1.sql"},
		"sub/../{{ x }}ad.sql":            {"dead.sql", "load.sql", "sub/deep/load.sql"},
		"{{ x }}/{{ y }}/load.sql":        {"sub/deep/load.sql"},
		"load.sql{# no #}":                {"load.sql"},
		"load.s{{ x }}oad.sql":            {},
		"../{{ x }}.sql":                  {},
		"none/{{ x }}.sql":                {},
	} {
		assert.ElementsMatch(t, want, collect(dir, search).Meant(name), name)
	}
	c := collect(dir)
	for _, name := range c.Meant("sub/la{{ y }}.sql") {
		_, ok := c.Candidate(name)
		assert.False(t, ok)
	}
	c.Candidate("dead.sql")
	assert.Equal(t, []string{"(dead.sql)", "(sub/large.sql)"}, names(c.Files()), "no task can use them on any machine")
	assert.Empty(t, c.LeftOut())
}

// What is beyond the bounds is left out, and told once.
func TestBounds(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range templatefile.MaxFiles + 5 {
		many[fmt.Sprintf("%04d.sql", i)] = "x"
	}
	c := collect(folder(t, many))
	for _, name := range c.Meant("{{ x }}.sql") {
		text, ok := c.Candidate(name)
		assert.True(t, ok)
		assert.Equal(t, "x", text, "it can be checked all the same")
	}
	assert.Len(t, c.Files().Files, templatefile.MaxFiles)
	assert.True(t, c.Files().Partial)
	assert.Equal(t, "0500.sql, 0501.sql, 0502.sql and 2 more", c.LeftOut())
	assert.Empty(t, c.LeftOut())

	large := map[string]string{"z.sql": "x"}
	for i := range templatefile.MaxTotal/templatefile.MaxBytes + 1 {
		large[fmt.Sprintf("%02d.sql", i)] = strings.Repeat("x", templatefile.MaxBytes-1)
	}
	c = collect(folder(t, large))
	for _, name := range c.Meant("{{ x }}.sql") {
		c.Candidate(name)
	}
	assert.Equal(t, "16.sql", c.LeftOut())
	assert.NotNil(t, c.Files().Named("z.sql"), "what still fits is taken")

	linked := folder(t, map[string]string{"real/a.sql": "x"})
	require.NoError(t, os.Symlink("real", filepath.Join(linked, "link")))
	c = collect(linked)
	assert.Equal(t, []string{"real/a.sql"}, c.Meant("{{ x }}.sql"))
	assert.Equal(t, "link/, a symbolic link", c.LeftOut())
}

// Where the name of a file is a template a folder without end is not searched to its end.
func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range templatefile.MaxEntries + 1 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d", i)), nil, 0o600))
	}
	c := collect(dir)
	assert.Empty(t, c.Meant("{{ x }}.sql"))
	assert.Equal(t, "what lies behind the first 10000 files and folders", c.LeftOut())
	assert.Empty(t, c.Meant("{{ x }}.sql"))
	assert.Empty(t, c.LeftOut(), "the same name is not searched twice")
}

// What was looked at shows when it changes, also what was not there.
func TestSeen(t *testing.T) {
	t.Parallel()
	change := map[string]func(dir string) error{
		"a file is written":    func(dir string) error { return os.WriteFile(filepath.Join(dir, "a.sql"), []byte("new"), 0o600) },
		"a file is removed":    func(dir string) error { return os.Remove(filepath.Join(dir, "a.sql")) },
		"a file comes":         func(dir string) error { return os.WriteFile(filepath.Join(dir, "gone.sql"), nil, 0o600) },
		"a name may mean more": func(dir string) error { return os.WriteFile(filepath.Join(dir, "sub/more.sql"), nil, 0o600) },
		"the folder goes":      os.RemoveAll,
	}
	for name, do := range change {
		dir := folder(t, map[string]string{"a.sql": "", "sub/b.sql": ""})
		c := collect(dir)
		_, err := c.Read("a.sql")
		require.NoError(t, err)
		_, err = c.Read("gone.sql")
		require.Error(t, err)
		assert.Len(t, c.Meant("sub/{{ x }}.sql"), 1)
		all, newest := c.Seen()
		assert.False(t, newest.IsZero())
		changed := func() bool {
			for _, s := range all {
				if !s.Same() {
					return true
				}
			}
			return false
		}
		assert.False(t, changed(), name)
		require.NoError(t, do(dir))
		assert.True(t, changed(), name)
	}
}
