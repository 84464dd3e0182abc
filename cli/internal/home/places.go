package home

import (
	"github.com/dingdag/dingdag/connections/env"
	"github.com/dingdag/dingdag/connections/file"
)

// Places say from which file or variable of the environment a connection or a variable comes, where tasks find it before
// they look into the store: "" for none. They hold for the files as they are now.
func (h *Home) Places() (connection, variable func(string) string, err error) {
	c, err := h.ReadSettings()
	if err != nil {
		return nil, nil, err
	}
	conns, vars := map[string]bool{}, map[string]string{}
	if c.ConnectionsFile != "" {
		all, err := file.ReadConnections(c.ConnectionsFile)
		if err != nil {
			return nil, nil, err
		}
		for _, found := range all {
			conns[found.ID] = true
		}
	}
	if c.VariablesFile != "" {
		if vars, err = file.ReadVariables(c.VariablesFile); err != nil {
			return nil, nil, err
		}
	}
	environ := env.New(h.LookupEnv)
	connection = func(id string) string {
		if conns[id] {
			return "the connections_file " + c.ConnectionsFile
		}
		return inEnvironment(environ.ConnectionName(id))
	}
	variable = func(key string) string {
		if _, ok := vars[key]; ok {
			return "the variables_file " + c.VariablesFile
		}
		return inEnvironment(environ.VariableName(key))
	}
	return connection, variable, nil
}

func inEnvironment(name string) string {
	if name == "" {
		return ""
	}
	return "the environment, as " + name
}
