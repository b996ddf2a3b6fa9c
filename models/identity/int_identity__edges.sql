{{ record_edges(ref('int_identity__trusted')) }}
