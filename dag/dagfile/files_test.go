package dagfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
)

// The version of a DAG whose fields name no files is what it was before versions had files: stored ones stay good.
func TestVersionWithoutTemplateFiles(t *testing.T) {
	t.Parallel()
	d := mustParse(t, `kept:
  schedule: '@daily'
  start_date: 2024-05-01
  tags: [a]
  tasks:
    - {task_id: t, operator: bash, bash_command: 'true', retries: 2}
    - {task_id: u, operator: empty, dependencies: [t]}
`)
	assert.Equal(t, "def95cbbce7945bf826f17b0911eb445", d.Version)
	assert.NotContains(t, string(Source(d)), filesKey)
	d.TemplateFiles = &dag.TemplateFiles{}
	assert.Contains(t, string(Source(d)), filesKey)
}

// A source has the hashes of the files, and gives the version again with all but the contents.
func TestTemplateFilesInSources(t *testing.T) {
	t.Parallel()
	d := mustParse(t, "d:\n  tasks: [{task_id: t, operator: empty}]\n")
	d.TemplateFiles = &dag.TemplateFiles{Partial: true, Files: []dag.TemplateFile{dag.NewTemplateFile("a b.sql", "a"), {Name: "broken.sql"}, dag.NewTemplateFile("c: d/1.sql", "c")}}
	d.Version = version(Source(d))
	again, err := Restore(Source(d), newFakeCatalog(), testOptions())
	require.NoError(t, err)
	assert.Equal(t, d.Version, again.Version)
	require.Len(t, again.TemplateFiles.Files, 3)
	assert.True(t, again.TemplateFiles.Partial)
	for i, f := range again.TemplateFiles.Files {
		want := d.TemplateFiles.Files[i]
		assert.Equal(t, want.Name, f.Name)
		assert.Equal(t, want.Hash, f.Hash)
		if f.Hash != "" {
			_, known := f.Text.Get()
			assert.False(t, known)
		}
	}
	assert.Empty(t, again.TemplateFiles.Files[1].Hash)

	// As a DAG file it gives the same DAG, with the files that are there.
	dags, found := Parse("d.yaml", Source(d), newFakeCatalog(), testOptions())
	assert.False(t, found.HasErrors(), found.String())
	require.Len(t, dags, 1)
	assert.Nil(t, dags[0].TemplateFiles)

	broken := strings.Replace(string(Source(d)), d.TemplateFiles.Files[0].Hash, "none", 1)
	_, err = Restore([]byte(broken), newFakeCatalog(), testOptions())
	require.ErrorContains(t, err, `the template file "a b.sql" of the version has no SHA-256`)
}
