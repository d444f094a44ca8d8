"""Values, units and text formats that know no other folder."""
