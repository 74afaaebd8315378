package wine

import (
	"bytes"
	"debug/pe"
	"testing"
)

func TestShimIsADLLWithOneForwarder(t *testing.T) {
	image := prngShim()
	f, err := pe.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was read from memory
	if f.Characteristics&pe.IMAGE_FILE_DLL == 0 || f.Machine != pe.IMAGE_FILE_MACHINE_AMD64 || len(f.Sections) != 1 {
		t.Fatalf("not a DLL of one section: %+v", f.FileHeader)
	}
	data, err := f.Sections[0].Data()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bcryptprimitives.dll\x00", "ProcessPrng\x00", "ADVAPI32.SystemFunction036\x00"} {
		if !bytes.Contains(data, []byte(want)) {
			t.Errorf("lacks %q", want)
		}
	}
	if !bytes.Equal(image, prngShim()) {
		t.Error("two builds differ")
	}
}
