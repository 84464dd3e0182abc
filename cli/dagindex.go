package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/dag/dagfile/index"
)

// index is what the DAGs folder holds, without reading the files that have not changed since
// a command last looked.
func (a *app) index() (*index.Index, error) {
	if err := a.haveDAGsFolder(); err != nil {
		return nil, err
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	o, err := a.loadOptions()
	if err != nil {
		return nil, err
	}
	key := a.indexKey()
	ix, err := index.Read(index.Options{
		Folder: a.cfg.DAGsFolder, Loader: dagfile.NewLoader(c, o), Check: c.Check, File: a.indexFile(key), Key: key, LookupEnv: a.LookupEnv, Now: clock,
	})
	if err != nil {
		a.log().Debug("the next command reads all DAG files again", "error", err)
	}
	a.maskOut()
	return ix, nil
}

// haveDAGsFolder tells what to do about a DAGs folder that is not there.
func (a *app) haveDAGsFolder() error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.DAGsFolder); err != nil {
		return fmt.Errorf("read the DAGs folder: %w; make it, or name another one by --dags-folder or DINGDAG_DAGS_FOLDER", withoutOp(err))
	}
	return nil
}

// indexKey is everything that counts for what a DAG file gives, besides files and the
// environment: the program and the settings. It is "" where the program is not known.
func (a *app) indexKey() string {
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
	c := a.cfg
	return fmt.Sprintf("%s%s %d %d\n%q %q %s %s %s %t", versionLine(), exe, built.Size(), built.ModTime().UnixNano(),
		from, c.DAGsFolder, c.DefaultTimezone, c.IgnoreSyntax, c.CronMode, c.CatchupByDefault)
}

// indexFile is where the index of a DAGs folder lies, in the folder cache of the home folder,
// "" where there is no home folder yet. Everything in that folder may be removed.
func (a *app) indexFile(key string) string {
	if _, err := os.Stat(a.cfg.Home); err != nil || key == "" {
		return ""
	}
	folder := filepath.Join(a.cfg.Home, "cache")
	// Where it cannot be made nothing is kept, and nothing depends on it.
	_ = os.Mkdir(folder, 0o700)
	_, settings, _ := strings.Cut(key, "\n")
	sum := sha256.Sum256([]byte(settings))
	return filepath.Join(folder, "dags-"+hex.EncodeToString(sum[:6]))
}

// findIndexed loads the DAG with an id from the one file of the DAGs folder that gives it. It
// is nil where the index names no file, or the file does not give it after all.
func (a *app) findIndexed(id string) (*dag.DAG, error) {
	ix, err := a.index()
	if err != nil {
		return nil, err
	}
	path := ix.FileOf(id)
	if path == "" {
		return nil, nil
	}
	res, err := a.readDAGs(path)
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
