package server

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/web/rest"
)

// PluginCollection is a page of plug-ins, of which there are none.
type PluginCollection struct {
	Plugins      []rest.Object `json:"plugins"`
	TotalEntries int           `json:"total_entries"`
}

func (*calls) plugins(context.Context, *struct{ rest.Page }) (*PluginCollection, error) {
	return &PluginCollection{Plugins: []rest.Object{}}, nil
}

// PluginImportErrorCollection has what is wrong with plug-ins.
type PluginImportErrorCollection struct {
	ImportErrors []rest.Object `json:"import_errors"`
	TotalEntries int           `json:"total_entries"`
}

func (*calls) pluginErrors(context.Context, *struct{}) (*PluginImportErrorCollection, error) {
	return &PluginImportErrorCollection{ImportErrors: []rest.Object{}}, nil
}

// ProviderCollection is a page of families of operators.
type ProviderCollection struct {
	Providers    []Provider `json:"providers"`
	TotalEntries int        `json:"total_entries"`
}

func (c *calls) providersCall(_ context.Context, in *struct{ rest.Page }) (*ProviderCollection, error) {
	all, err := c.providers()
	if err != nil {
		return nil, err
	}
	return &ProviderCollection{append([]Provider{}, rest.Cut(in.Page, all)...), len(all)}, nil
}

// Config is the configuration, which is not told.
type Config struct {
	Sections []ConfigSection `json:"sections"`
}

// ConfigSection is a part of it.
type ConfigSection struct {
	Name    string         `json:"name"`
	Options []ConfigOption `json:"options"`
}

// ConfigOption is a value of it.
type ConfigOption struct {
	Key   string   `json:"key"`
	Value rest.Any `json:"value"`
}

func hidden() error {
	return rest.Errorf(http.StatusForbidden, "Your Airflow administrator chose not to expose the configuration, most likely for security reasons.")
}

func (*calls) config(context.Context, *struct {
	Section *string `query:"section"`
},
) (*Config, error) {
	return nil, hidden()
}

func (*calls) configValue(context.Context, *struct {
	Section string `path:"section"`
	Option  string `path:"option"`
},
) (*Config, error) {
	return nil, hidden()
}
