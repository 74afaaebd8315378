package msi

// What the tests outside of the package look at.
var (
	ReadVersion     = fileVersion
	ReadVersionInfo = versionInfo
)
