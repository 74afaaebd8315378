package config

// Code documents one diagnostic code. Codes are stable: they are never renumbered or reused.
type Code struct {
	Code     string
	Severity Severity
	Title    string
	// Meaning says when it is told and what to do.
	Meaning string
}

// The codes. HF1xx is about reading text, HF2xx about keys and values by themselves, HF3xx about
// what they mean together.
const (
	codeDefect      = "HF100"
	codeUnreadable  = "HF101"
	codeTooLarge    = "HF102"
	codeEncoding    = "HF103"
	codeSyntax      = "HF104"
	codeDocuments   = "HF105"
	codeDuplicate   = "HF106"
	codeAlias       = "HF107"
	codeBackslash   = "HF108"
	codeVersion     = "HF201"
	codeType        = "HF202"
	codeMissing     = "HF203"
	codeUnknownKey  = "HF204"
	codeValue       = "HF205"
	codeNoValue     = "HF206"
	codeRange       = "HF207"
	codeName        = "HF208"
	codePlaceholder = "HF209"
	codeUnresolved  = "HF210"
	codeNotServed   = "HF211"
	codeAssignment  = "HF212"
	codePolicy      = "HF213"
	codeInstalled   = "HF214"
	codeReference   = "HF301"
	codeCycle       = "HF302"
	codeAddress     = "HF303"
	codePorts       = "HF304"
	codeHandler     = "HF305"
	codeProbeKind   = "HF306"
	codeProbePort   = "HF307"
	codeTogether    = "HF308"
	codeOrder       = "HF309"
	codeSlow        = "HF310"
	codeShadowed    = "HF311"
	codeMatch       = "HF312"
	codeURL         = "HF313"
	codeRedirect    = "HF314"
	codeCertificate = "HF315"
	codeAbsent      = "HF316"
	codeExposed     = "HF317"
	codeNoEffect    = "HF318"
	codeHeader      = "HF319"
	codeExpired     = "HF320"
	codeProgram     = "HF321"
)

// The codes of problems that only the running service finds: HF4xx.
const (
	// CodeNotApplied is a configuration without errors that the machine refuses.
	CodeNotApplied = "HF401"
	// CodeNextStart is a change that waits for the next start.
	CodeNextStart = "HF402"
)

// Codes lists every code that a Problem can have, in order.
func Codes() []Code {
	return []Code{
		{codeDefect, Error, "defect of Holdfast", "The configuration was checked and still could not be used. Please report it."},
		{codeUnreadable, Error, "file cannot be read", "The file or folder does not exist, is not readable, or is not a file. Check the path and its permissions."},
		{codeTooLarge, Error, "too large", "A file is larger than 4 MiB, nested deeper than 32 levels, or has too many entries (aliases count every time they are used)."},
		{codeEncoding, Error, "not UTF-8 text", "The file is not UTF-8 or has control characters. Save it as UTF-8."},
		{codeSyntax, Error, "YAML syntax", "The text is not YAML. The place is where the reader gave up; the cause may be just before it."},
		{codeDocuments, Error, "several documents", "A file holds one YAML document. Remove the --- line, or put the second part into conf.d."},
		{codeDuplicate, Error, "key given twice", "A section has the same key twice; only one could count. Remove one."},
		{codeAlias, Error, "alias, merge or tag", "An alias, a merge key (<<) or a tag does not fit: the alias contains itself, the merge is not of sections, or the tag is unknown."},
		{codeBackslash, Warning, "backslash in double quotes", "In double quotes a backslash begins an escape: \"C:\\new\" holds a line break. Use single quotes for Windows paths."},
		{codeVersion, Error, "version", "The main file begins with `version: 1`. Another number is of a newer Holdfast."},
		{codeType, Error, "wrong kind of value", "A section, a list or a single value stands where another of them is wanted."},
		{codeMissing, Error, "required key is missing", "The entry cannot work without this key."},
		{codeUnknownKey, Error, "unknown key", "No such key exists there; a mistyped key would otherwise be ignored. Keys are snake_case. At the top level, keys that begin with x- are yours and are ignored."},
		{codeValue, Error, "bad value", "The value does not have the form that the key wants."},
		{codeNoValue, Error, "no value", "The key has nothing after its colon. Write a value, or remove the line to get the default."},
		{codeRange, Error, "out of range", "The number, duration or size is outside its bounds."},
		{codeName, Error, "bad name", "Names of apps, routes, listeners and certificates are lower-case letters, digits, - and _, begin with a letter or digit, and have at most 63 characters. Names of environment variables and headers have their usual forms."},
		{codePlaceholder, Error, "unknown placeholder", "The text holds a ${...} that does not exist in this place. For a literal ${ write $${."},
		{codeUnresolved, Error, "placeholder without a value", "The environment variable of ${env:NAME} is not set, or the file of ${file:PATH} cannot be read. ${env:NAME:-default} gives a default."},
		{codeNotServed, Error, "not served by this version", "The key belongs to the format, but this version of Holdfast does nothing with it. It is refused rather than ignored; remove it."},
		{codeAssignment, Error, "variable or --set not understood", "A HOLDFAST_SECTION__KEY variable or a --set does not name one key."},
		{codePolicy, Error, "Group Policy not understood", "A registry value of Group Policy has an unknown name or the wrong type, or the configuration does not allow it. The last good configuration stays; a start leaves the value out and says so. Correct the policy: no file can."},
		{codeInstalled, Warning, "value of setup not understood", "The address or port that setup keeps in the registry cannot be used, so that the default counts. Repair the installation with another HF_ADDRESS or HF_PORT, or define listeners in the file."},
		{codeReference, Error, "unknown name", "The name of an app, listener or certificate is not defined."},
		{codeCycle, Error, "dependency cycle", "Apps wait for each other, so none of them could start."},
		{codeAddress, Error, "address", "An address is not host:port, or is used twice."},
		{codePorts, Error, "ports overlap", "Two things would listen on the same port. An app with a fixed port takes one port per instance: port, port+1, ..."},
		{codeHandler, Error, "what serves the route", "A route has exactly one of app, urls, file_server, redirect and respond."},
		{codeProbeKind, Error, "kind of probe", "A probe has exactly one of http_get and tcp_socket."},
		{codeProbePort, Error, "no port", "Something asks an app that has `port: none`. Give the app a port, or the probe one of its own."},
		{codeTogether, Error, "keys that need each other", "One key makes no sense without, or together with, another one."},
		{codeOrder, Error, "limits in the wrong order", "A lower limit is above its upper limit."},
		{codeSlow, Warning, "slower than its period", "A probe may take longer than its period, so that checks would queue. A check that is due while one runs is left out."},
		{codeShadowed, Warning, "route that never answers", "Another route wins every request that this one matches."},
		{codeMatch, Error, "bad match", "A host, path, method or header of a match has a form that no request can have."},
		{codeURL, Error, "bad URL", "Upstream URLs are http://host:port without a path."},
		{codeRedirect, Error, "bad redirect", "The redirect leads nowhere, or back to itself."},
		{codeCertificate, Error, "certificate cannot be used", "A certificate or key file is missing, is not PEM, or the two do not belong together; or it is said to come from nowhere, from two places, from a store that this system does not have, or from an authority to whose terms nobody has agreed."},
		{codeAbsent, Warning, "file or folder not there", "The program, folder or web root does not exist now. It is a warning because a deployment may create it later; until then the app fails to start or the route answers 404."},
		{codeExposed, Error, "management API exposed", "The management API may listen on loopback addresses only, as long as there are no users to log in."},
		{codeNoEffect, Warning, "key without effect", "The key is correct but changes nothing here."},
		{codeHeader, Error, "bad header", "A header's name or value has characters that HTTP does not allow."},
		{codeExpired, Warning, "certificate expired", "Browsers refuse it. Holdfast still presents it, and rereads the files when they change."},
		{codeProgram, Warning, "program that cannot be started", "The file of a command is there, but this machine cannot start it as it is: it is not executable, built for another system or processor, or a script without a usable interpreter; or the system cannot hand it its environment. `holdfast check` names the cure; TROUBLESHOOTING.md lists them all."},
		{CodeNotApplied, Error, "cannot be applied", "The configuration has no errors, but the machine does not allow it, for example because an address is taken. Everything runs on as before."},
		{CodeNextStart, Warning, "counts from the next start", "The section is read at the start only. The rest of the change was applied."},
	}
}

// severityOf is the severity of a code.
func severityOf(code string) Severity {
	for _, c := range Codes() {
		if c.Code == code {
			return c.Severity
		}
	}
	return Error
}
