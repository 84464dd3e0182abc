package folder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/index"
)

// Index is what the DAGs folder holds, without reading the files that have not changed since
// a command last looked.
func (f *Folder) Index() (*index.Index, error) {
	return indexed(f, index.Read)
}

// indexed looks at the DAGs folder with the help of the index.
func indexed[T any](f *Folder, look func(index.Options) (T, error)) (found T, err error) {
	if err := f.exists(); err != nil {
		return found, err
	}
	c, err := f.catalog()
	if err != nil {
		return found, err
	}
	o, err := f.Options()
	if err != nil {
		return found, err
	}
	key := f.indexKey()
	found, err = look(index.Options{
		Folder: f.home.Settings.DAGsFolder, Loader: dagfile.NewLoader(c, o), Check: c.Check, File: f.indexFile(key), Key: key, LookupEnv: f.home.LookupEnv, Now: f.home.Clock,
	})
	if err != nil {
		f.home.Log().Debug("the next command reads all DAG files again", "error", err)
	}
	f.home.MaskOutput()
	return found, nil
}

// exists tells what to do about a DAGs folder that is not there.
func (f *Folder) exists() error {
	cfg, err := f.home.ReadSettings()
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.DAGsFolder); err != nil {
		return &api.FolderError{Err: fmt.Errorf("read the DAGs folder: %w; create it, or name another one with --dags-folder or DINGDAG_DAGS_FOLDER", command.WithoutOp(err))}
	}
	return nil
}

// indexKey is everything that counts for what a DAG file gives, besides files and the
// environment: the program and the settings. It is "" where the program is not known.
func (f *Folder) indexKey() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	built, err := os.Stat(exe)
	if err != nil {
		return ""
	}
	from, err := os.Getwd()
	if err != nil {
		return ""
	}
	c := f.home.Settings
	return fmt.Sprintf("%s%s %d %d\n%q %q %s %s %s %t", f.version, exe, built.Size(), built.ModTime().UnixNano(),
		from, c.DAGsFolder, c.DefaultTimezone, c.IgnoreSyntax, c.CronMode, c.CatchupByDefault)
}

// indexFile is where the index of a DAGs folder lies, in the folder cache of the home folder,
// "" where there is no home folder yet. Everything in that folder may be removed.
func (f *Folder) indexFile(key string) string {
	if _, err := os.Stat(f.home.Settings.Home); err != nil || key == "" {
		return ""
	}
	folder := filepath.Join(f.home.Settings.Home, "cache")
	// Where it cannot be made nothing is kept, and nothing depends on it.
	_ = os.Mkdir(folder, 0o700)
	_, settings, _ := strings.Cut(key, "\n")
	sum := sha256.Sum256([]byte(settings))
	return filepath.Join(folder, "dags-"+hex.EncodeToString(sum[:6]))
}

// findIndexed loads the DAG with an id from the one file of the DAGs folder that gives it. It
// is nil where the index names no file, or the file does not give it after all.
func (f *Folder) findIndexed(id string) (*dag.DAG, error) {
	path, err := indexed(f, func(o index.Options) (string, error) { return index.Find(o, id) })
	if err != nil || path == "" {
		return nil, err
	}
	res, err := f.Read(path)
	if err != nil {
		return nil, err
	}
	for _, d := range res.DAGs {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, nil
}
