package settings

//go:generate go test . -count=1 -run ^TestSettingsTable$ -update
