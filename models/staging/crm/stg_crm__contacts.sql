{{ staging_interface('crm', 'contacts') }}
