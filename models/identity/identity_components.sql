{{ connected_components(ref('identity_edges')) }}
